/*
 * main.c - tollgate-policyd: the policy, anvil and SNI faces, and the gate.
 *
 * Only puts the parts together: which listener leads to which face, and when
 * the last session has gone.
 */
#include "common/base/log.h"
#include "common/certs/certs.h"
#include "common/control/control_server.h"
#include "common/control/status_page.h"
#include "common/engine/daemon.h"
#include "common/engine/postfix_limits.h"
#include "common/engine/privileges.h"
#include "policyd/anvil_pass.h"
#include "policyd/anvil_session.h"
#include "policyd/gate.h"
#include "policyd/policy_session.h"
#include "policyd/sni_session.h"

#include <string.h>
#include <unistd.h>

struct policyd {
    struct daemon *daemon;
    struct policy_sessions *policy;
    struct anvil_sessions *anvil;
    struct anvil_pass *anvil_pass;
    struct sni_sessions *sni;
    struct gate *gate;
    struct certs *certs;
    struct certs_start certs_start;
    struct control_server *control;
    struct status_page *page;
    struct postfix_limits *limits; /* NULL: no anvil face */
};

static const struct config_listeners *policyd_listeners(
    const struct config *config)
{
    return &config->policyd.listen;
}

static unsigned policyd_serves(const struct config *config)
{
    const struct config_listeners *listen = &config->policyd.listen;
    unsigned faces = 0;

    for (size_t i = 0; i < listen->count; i++)
        if (strcmp(listen->items[i].face, "policy") == 0)
            faces |= 1u << FACE_POLICY;
        else if (strncmp(listen->items[i].face, "anvil", 5) == 0)
            faces |= 1u << FACE_ANVIL;
    return faces;
}

static const char *policyd_http(const struct config *config)
{
    return config->policyd.http;
}

static const char *policyd_control(const struct config *config)
{
    return config->policyd.control;
}

/* A daemon that is not root can name a group that it is in, and no other. */
static bool find_socket_group(
    const struct config *config, gid_t *group_r, struct error *err)
{
    const char *name = config->policyd.socket_group;
    struct error ignored;
    gid_t group;

    if (name[0] == '\0')
        return true;
    if (geteuid() == 0)
        return privileges_find_group(name, group_r, err);
    if (privileges_find_group(name, &group, &ignored) && group_member(group))
        *group_r = group;
    return true;
}

/*
 * Postfix's processes come as user postfix: they own the anvil socket, whose
 * directory lets nobody else in. Only Postfix's spawn(8), running the helper
 * as our user, needs the anvil-pass socket.
 */
static bool policyd_listener_options(const struct config *config,
    const struct config_listener *listener, struct listener_options *options,
    struct error *err)
{
    gid_t ignored;

    *options = (struct listener_options){
        .mode = config->policyd.socket_mode,
        .group = (gid_t)-1,
        .owner = (uid_t)-1,
    };
    if (listener->is_inet)
        return true;
    if (strcmp(listener->face, "anvil") == 0)
        return geteuid() != 0 || privileges_find_user(config->postfix_user,
                                     &options->owner, &ignored, err);
    if (geteuid() == 0 &&
        !privileges_find_user(config->user, &options->owner, &ignored, err))
        return false;
    return find_socket_group(config, &options->group, err);
}

/* A gate answers whoever comes, and believes a service's proxies alone. */
static const struct cidr_list *policyd_allowed_peers(
    const struct config *config, const struct config_listener *listener)
{
    return strcmp(listener->face, "gate") == 0 ? NULL
                                               : &config->policyd.allowed_peers;
}

static bool policyd_prepare(
    void *context, const struct config *config, struct error *err)
{
    struct policyd *policyd = context;
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (config->certificate_count > 0 && uid == 0 &&
        (!privileges_find_user(config->user, &uid, &gid, err) ||
            !privileges_find_group(config->group, &gid, err)))
        return false;
    return certs_prepare(config, uid, gid, &policyd->certs_start, err);
}

/* Without such a user nobody but root is answered. */
static void allow_postfix(struct policyd *policyd, const struct config *config)
{
    uid_t uid = (uid_t)-1;
    gid_t ignored;
    struct error err;

    if (!privileges_find_user(config->postfix_user, &uid, &ignored, &err))
        log_debug("sni: %s", err.text);
    sni_sessions_allow(policyd->sni, uid);
}

static void policyd_on_rest(void *daemon)
{
    daemon_session_ended(daemon);
}

static bool policyd_start(
    void *context, struct daemon *daemon, struct error *err)
{
    struct policyd *policyd = context;
    struct engine *engine = daemon_engine(daemon);

    policyd->daemon = daemon;
    policyd->anvil = anvil_sessions_new(daemon);
    policyd->anvil_pass = anvil_pass_new(daemon_base(daemon), policyd->anvil);
    policyd->policy = policy_sessions_new(daemon, policyd->anvil);
    policy_sessions_share_messages(
        policyd->policy, config_has_inet(engine_config(engine), "policy"));
    policyd->gate = gate_new(daemon);
    policyd->certs = certs_new(
        daemon_base(daemon), engine_config(engine), &policyd->certs_start);
    policyd->sni = sni_sessions_new(
        daemon_base(daemon), policyd->certs, policyd_on_rest, daemon);
    allow_postfix(policyd, engine_config(engine));
    const struct control_host host = {
        daemon, policyd->certs, 1u << FACE_ANVIL | 1u << FACE_POLICY};
    policyd->control = control_server_new(&host);
    policyd->page = status_page_new(&host);
    if (policyd_serves(engine_config(engine)) & 1u << FACE_ANVIL)
        policyd->limits = postfix_limits_new(daemon_base(daemon));
    engine_use_postfix_limits(engine, policyd->limits);
    return true;
}

static void policyd_reload(void *context, const struct config *config)
{
    struct policyd *policyd = context;

    certs_reload(policyd->certs, engine_config(daemon_engine(policyd->daemon)));
    allow_postfix(policyd, config);
    control_server_reload(policyd->control);
    if (policyd->limits != NULL)
        postfix_limits_look(policyd->limits);
}

static void policyd_write_metrics(void *context, struct evbuffer *out)
{
    const struct policyd *policyd = context;

    if (policyd->certs == NULL)
        return;
    certs_write_metrics(policyd->certs, out);
    sni_sessions_write_metrics(policyd->sni, out);
    anvil_sessions_write_metrics(policyd->anvil, out);
    gate_write_metrics(policyd->gate, out);
}

static const char *policyd_trouble(void *context)
{
    const struct policyd *policyd = context;

    const char *silence =
        policyd->anvil != NULL ? anvil_sessions_silence(policyd->anvil) : NULL;

    return silence != NULL || policyd->gate == NULL
               ? silence
               : gate_trouble(policyd->gate);
}

static size_t policyd_gates(
    void *context, struct daemon_count counts_r[DAEMON_COUNTS])
{
    const struct policyd *policyd = context;
    const struct config *config = engine_config(daemon_engine(policyd->daemon));

    return config->has_gates ? gate_counts(policyd->gate, counts_r) : 0;
}

static void policyd_on_accept(
    void *context, const struct config_listener *listener, int fd)
{
    struct policyd *policyd = context;

    if (strcmp(listener->face, "policy") == 0)
        policy_sessions_add(policyd->policy, fd);
    else if (strcmp(listener->face, "anvil") == 0)
        anvil_sessions_add(policyd->anvil, fd, false);
    else if (strcmp(listener->face, "sni") == 0)
        sni_sessions_add(policyd->sni, fd);
    else if (strcmp(listener->face, "gate") == 0)
        gate_add(policyd->gate, listener, fd);
    else
        anvil_pass_add(policyd->anvil_pass, fd);
}

static void policyd_on_control(void *context, int fd)
{
    struct policyd *policyd = context;

    control_server_add(policyd->control, fd);
}

/* Policy connections first: whether their smtpd is between two sessions, the
 * anvil face knows. */
static bool policyd_drain(void *context)
{
    struct policyd *policyd = context;

    policy_sessions_drain(policyd->policy);
    anvil_sessions_drain(policyd->anvil);
    sni_sessions_drain(policyd->sni);
    certs_retire(policyd->certs, policyd_on_rest, policyd->daemon);
    return certs_is_idle(policyd->certs) && gate_count(policyd->gate) == 0 &&
           sni_sessions_count(policyd->sni) == 0 &&
           anvil_sessions_count(policyd->anvil) == 0 &&
           policy_sessions_count(policyd->policy) == 0;
}

static void policyd_stop(void *context)
{
    struct policyd *policyd = context;

    status_page_free(&policyd->page);
    control_server_free(&policyd->control);
    policy_sessions_free(&policyd->policy);
    anvil_pass_free(&policyd->anvil_pass);
    anvil_sessions_free(&policyd->anvil);
    sni_sessions_free(&policyd->sni);
    gate_free(&policyd->gate);
    certs_free(&policyd->certs);
    postfix_limits_free(&policyd->limits);
}

int main(int argc, char **argv)
{
    struct policyd policyd = {0};
    const struct daemon_faces faces = {
        .program = "tollgate-policyd",
        .reads_keys = true,
        .hands_over = true,
        .context = &policyd,
        .listeners = policyd_listeners,
        .serves = policyd_serves,
        .http = policyd_http,
        .control = policyd_control,
        .listener_options = policyd_listener_options,
        .allowed_peers = policyd_allowed_peers,
        .prepare = policyd_prepare,
        .start = policyd_start,
        .on_accept = policyd_on_accept,
        .on_control = policyd_on_control,
        .reload = policyd_reload,
        .write_metrics = policyd_write_metrics,
        .trouble = policyd_trouble,
        .gates = policyd_gates,
        .drain = policyd_drain,
        .stop = policyd_stop,
    };

    return daemon_main(argc, argv, &faces);
}
