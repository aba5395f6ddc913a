/*
 * callbacks.c - see callbacks.h.
 *
 * Every step that counts nothing is left out in negotiation, and everything
 * is answered "continue" but a refusal: after any other answer Postfix closes
 * the milter connection, and nobody would see the session's end. MAIL only
 * tells the sender: the message is charged with its first recipient, in one
 * question, and Postfix does not wait for MAIL. CONNECT is never left without
 * an answer (SMFIP_NR_CONN): Postfix would hold it back until the client
 * speaks.
 */
#include "milter/callbacks.h"

#include "common/base/alloc.h"
#include "milter/accept_guard.h"
#include "milter/context.h"
#include "milter/question.h"
#include "milter/reply.h"

#include <libmilter/mfapi.h>
#include <stdlib.h>
#include <string.h>

struct session {
    struct context *context;
    struct seat *seat;
    struct peer peer;    /* who is behind it, if a service wants that */
    unsigned long steps; /* as negotiated: SMFIP_* */
    uint32_t message;    /* the one under way, or the next; from 1 */
    uint32_t sent;       /* the last one that came to its end; 0: none */
    bool is_open;        /* it was asked about */
    bool is_held;        /* it is to be quarantined */
};

/* Set before libmilter has any thread. */
static struct {
    struct judge *judge;
    struct bridge *bridge;
    bool is_inet;
} edge;

/* libmilter takes names as char *. */
static char program[] = "tollgate-milter";
static char reason[] = "tollgate: banned";
static char auth_authen[] = "{auth_authen}";
static char client_addr[] = "{client_addr}";
static char daemon_addr[] = "{daemon_addr}";
static char daemon_port[] = "{daemon_port}";
static char daemon_name[] = "{daemon_name}";
static char mail_addr[] = "{mail_addr}";
static char rcpt_addr[] = "{rcpt_addr}";
static char rcpt_mailer[] = "{rcpt_mailer}";
static char queue_id[] = "i";

/*
 * What we ask for, so that main.cf need not list it. libmilter forgets the
 * last message's values of a step only when new ones come, so MAIL and RCPT
 * have one name each that always has a value. Postfix sends macros of steps
 * that are switched off too, unless none has a value.
 */
static struct {
    int step;
    char names[128];
} macros[] = {
    {SMFIM_CONNECT, "{daemon_name} {daemon_addr} {daemon_port} {client_addr} "
                    "{client_port} {client_connections}"},
    {SMFIM_HELO, "{tollgate_none}"},
    {SMFIM_ENVFROM, "{daemon_name} {auth_authen} {mail_addr}"},
    {SMFIM_ENVRCPT, "{rcpt_mailer} {rcpt_addr} i"},
    {SMFIM_DATA, "{tollgate_none}"},
    {SMFIM_EOH, "{tollgate_none}"},
    {SMFIM_EOM, "i"},
};

static struct session *session_of(SMFICTX *ctx)
{
    return smfi_getpriv(ctx);
}

static sfsistat refuse(SMFICTX *ctx, const char *action)
{
    struct reply reply;

    reply_split(action, &reply);
    (void)smfi_setreply(ctx, reply.code,
        reply.xcode[0] != '\0' ? reply.xcode : NULL, reply.text);
    return reply.code[0] == '5' ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

static bool is_fed(const struct event *event, unsigned flags)
{
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        if (event->amount[kind] > 0 && (flags & 1u << kind) != 0)
            return true;
    return false;
}

/* CONNECT always: the loop knows who is there. Every step if peers are judged:
 * lists of proxies change, and some are judged only once they send mail. */
static bool is_due(
    const struct question_asked *asked, enum context_step step, unsigned flags)
{
    return step == CONTEXT_CONNECT || asked->asks_about_harvest ||
           (flags & (QUESTION_JUDGES_PEERS | QUESTION_BANS)) != 0 ||
           is_fed(asked->event, flags) ||
           (step == CONTEXT_END && (flags & QUESTION_HEADER) != 0);
}

/* A client that has named too many bad recipients is refused good ones as well,
 * or it would still learn which they are. In another session each message asks
 * once: with its first good recipient. */
static bool asks_about_harvest(
    const struct context *context, enum context_step step, unsigned flags)
{
    return (flags & 1u << EVENT_REJECTED_RECIPIENT) != 0 &&
           step == CONTEXT_RCPT &&
           (context_is_harvesting(context) || !context_is_counted(context));
}

static void note_harvest(struct context *context,
    const struct question_asked *asked, const struct question_answer *answer,
    enum context_step step)
{
    if (step == CONTEXT_RCPT_REJECTED)
        context_set_harvesting(context, answer->kind == VERDICT_REFUSE);
    else if (asked->asks_about_harvest)
        context_set_harvesting(context, answer->is_harvest);
}

static void add_header(SMFICTX *ctx, const struct session *session, char *name)
{
    char text[CONTEXT_HEADER_SIZE];

    context_header(session->context, text);
    (void)smfi_insheader(ctx, 0, name, text);
}

/* Whoever has not been judged when his session begins may be a forger. */
static bool defers_late(enum context_step step, unsigned flags)
{
    return (flags & QUESTION_DEFER_LATE) != 0 ||
           (step == CONTEXT_CONNECT && (flags & QUESTION_REQUIRES_PROOF) != 0);
}

/* False: it must not go. */
static bool quarantine(SMFICTX *ctx)
{
    return smfi_quarantine(ctx, reason) == MI_SUCCESS;
}

static sfsistat take_step(
    SMFICTX *ctx, struct session *session, enum context_step step)
{
    static const char late[] = "451 4.3.0 Error: temporary system problem";
    struct context *context = session->context;
    unsigned flags = bridge_flags(edge.bridge);
    struct question_answer answer = {.kind = VERDICT_PASS};
    struct event event;

    context_event(context, step, &event);
    event.peer = session->peer;
    const struct question_asked asked = {.event = &event,
        .seat = session->seat,
        .takes_places = step == CONTEXT_CONNECT,
        .is_end = step == CONTEXT_END,
        .message = session->message,
        .sent = session->sent,
        .asks_about_harvest = asks_about_harvest(context, step, flags)};
    if (is_due(&asked, step, flags)) {
        session->is_open |= step != CONTEXT_CONNECT;
        question_ask(edge.judge, &asked, &answer);
    }
    if (answer.is_late && defers_late(step, flags))
        return refuse(ctx, late);
    if (!answer.is_late)
        note_harvest(context, &asked, &answer, step);
    if (answer.kind != VERDICT_PASS && step != CONTEXT_RCPT_REJECTED)
        return refuse(ctx, answer.action);
    context_passed(context, &event);
    session->is_held |= answer.is_held && step != CONTEXT_RCPT_REJECTED;
    if (step == CONTEXT_END && session->is_held && !quarantine(ctx))
        return refuse(ctx, late);
    if (step == CONTEXT_END && session->is_open)
        session->sent = session->message;
    if (step == CONTEXT_END && answer.header[0] != '\0')
        add_header(ctx, session, answer.header);
    return SMFIS_CONTINUE;
}

/* No message is under way. One that was asked about and is not sent has to be
 * given back: a client may wait for that in the same session. */
static void message_over(struct session *session)
{
    context_reset(session->context);
    if (session->is_open && session->sent != session->message)
        seat_abandon(session->seat, session->message);
    session->is_open = session->is_held = false;
    session->message++;
}

/* What libmilter calls */

static unsigned long wanted_steps(void)
{
    unsigned flags = bridge_flags(edge.bridge);
    unsigned long steps =
        SMFIP_RCPT_REJ | SMFIP_NR_MAIL | SMFIP_NOUNKNOWN | SMFIP_NOEOH;

    if (!edge.is_inet)
        steps |= SMFIP_NODATA;
    steps |= (flags & QUESTION_HELO) != 0 ? SMFIP_NR_HELO : SMFIP_NOHELO;
    if ((flags & 1u << EVENT_BYTES) != 0)
        steps |= SMFIP_NR_HDR | SMFIP_NR_BODY;
    else
        steps |= SMFIP_NOHDRS | SMFIP_NOBODY;
    return steps;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions,
    unsigned long steps, unsigned long unused2, unsigned long unused3,
    unsigned long *actions_r, unsigned long *steps_r, unsigned long *unused2_r,
    unsigned long *unused3_r)
{
    struct session *session = xcalloc(1, sizeof *session);

    session->context = context_new();
    session->seat = seat_new(edge.judge);
    session->message = 1;
    accept_guard_peer(&session->peer);
    session->steps = wanted_steps() & steps;
    (void)smfi_setpriv(ctx, session);
    *actions_r =
        (SMFIF_ADDHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST) & actions;
    *steps_r = session->steps;
    *unused2_r = *unused3_r = 0;
    for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++)
        (void)smfi_setsymlist(ctx, macros[i].step, macros[i].names);
    return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    struct session *session = session_of(ctx);

    if (session == NULL)
        return SMFIS_CONTINUE;
    const struct context_peer peer = {.address = address,
        .client_addr = smfi_getsymval(ctx, client_addr),
        .daemon_name = smfi_getsymval(ctx, daemon_name),
        .daemon_addr = smfi_getsymval(ctx, daemon_addr),
        .daemon_port = smfi_getsymval(ctx, daemon_port)};
    context_connect(session->context, &peer);
    return take_step(ctx, session, CONTEXT_CONNECT);
}

/* What a step that was asked for without a reply is to return. */
static sfsistat unanswered(const struct session *session, unsigned long step)
{
    return session != NULL && (session->steps & step) != 0 ? SMFIS_NOREPLY
                                                           : SMFIS_CONTINUE;
}

static sfsistat on_helo(SMFICTX *ctx, char *helo)
{
    struct session *session = session_of(ctx);

    if (session != NULL)
        context_helo(session->context, helo);
    return unanswered(session, SMFIP_NR_HELO);
}

static sfsistat on_mail(SMFICTX *ctx, char **arguments)
{
    struct session *session = session_of(ctx);

    if (session == NULL)
        return SMFIS_CONTINUE;
    message_over(session);
    context_mail(session->context, arguments[0], smfi_getsymval(ctx, mail_addr),
        smfi_getsymval(ctx, auth_authen));
    return unanswered(session, SMFIP_NR_MAIL);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **arguments)
{
    struct session *session = session_of(ctx);
    const char *mailer = smfi_getsymval(ctx, rcpt_mailer);

    if (session == NULL)
        return SMFIS_CONTINUE;
    bool is_rejected = mailer != NULL && strcmp(mailer, "error") == 0;
    /* Of one that is refused the macro is the reply's text. */
    context_rcpt(session->context, arguments[0],
        is_rejected ? NULL : smfi_getsymval(ctx, rcpt_addr),
        smfi_getsymval(ctx, queue_id));
    return take_step(
        ctx, session, is_rejected ? CONTEXT_RCPT_REJECTED : CONTEXT_RCPT);
}

static sfsistat on_data(SMFICTX *ctx)
{
    return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    static const size_t around = sizeof ": \r\n" - 1;
    struct session *session = session_of(ctx);

    if (session != NULL)
        context_content(
            session->context, strlen(name) + strlen(value) + around);
    return unanswered(session, SMFIP_NR_HDR);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *content, size_t len)
{
    struct session *session = session_of(ctx);

    if (session != NULL)
        context_content(session->context, len);
    return unanswered(session, SMFIP_NR_BODY);
}

static sfsistat on_end(SMFICTX *ctx)
{
    struct session *session = session_of(ctx);

    if (session == NULL)
        return SMFIS_CONTINUE;
    context_end(session->context, smfi_getsymval(ctx, queue_id));
    sfsistat status = take_step(ctx, session, CONTEXT_END);
    message_over(session);
    return status;
}

static sfsistat on_abort(SMFICTX *ctx)
{
    struct session *session = session_of(ctx);

    if (session != NULL)
        message_over(session);
    return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
    struct session *session = session_of(ctx);

    if (session == NULL)
        return SMFIS_CONTINUE;
    (void)smfi_setpriv(ctx, NULL);
    context_free(&session->context);
    seat_leave(&session->seat, session->sent);
    free(session);
    return SMFIS_CONTINUE;
}

/* What the daemon calls */

bool callbacks_register(struct error *err)
{
    const struct smfiDesc description = {
        .xxfi_name = program,
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_helo,
        .xxfi_envfrom = on_mail,
        .xxfi_envrcpt = on_rcpt,
        .xxfi_header = on_header,
        .xxfi_body = on_body,
        .xxfi_eom = on_end,
        .xxfi_abort = on_abort,
        .xxfi_close = on_close,
        .xxfi_data = on_data,
        .xxfi_negotiate = on_negotiate,
    };

    if (smfi_register(description) == MI_SUCCESS)
        return true;
    return error_set(err, "libmilter does not take our callbacks");
}

void callbacks_prepare(struct judge *judge, struct bridge *bridge, bool is_inet)
{
    edge.judge = judge;
    edge.bridge = bridge;
    edge.is_inet = is_inet;
}

int callbacks_run(void)
{
    return smfi_main();
}
