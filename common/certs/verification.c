/*
 * verification.c - whether what was published is what is served.
 *
 * Asked by a process of its own, a moment after a publication. What is not so
 * then may be an smtpd that has read the file before: one without work ends
 * after max_idle, 100 s, and at once where the refresh map is followed. So it
 * is looked at again, and said once it has lasted. The loop never waits.
 *
 * Source: Postfix, postconf(5), max_idle and max_use.
 */
#include "common/certs/certificate.h"

#include "common/base/alloc.h"
#include "common/base/child.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/certs/certs_private.h"
#include "common/certs/served.h"
#include "common/certs/task.h"

#include <event2/event.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TASKS_MAX    4 /* at a time, of all sections */
#define TASK_LIFE_S  60
#define BUSY_MS      250 /* until a look that could not begin */
#define GO_ON_MS     300000
#define LOOKS        5 /* until a problem is said, and */
#define LOOKS_MAP    3 /* where Postfix follows the map, after 15 s */
#define QUESTION_MAX 64

/* After a publication, then after each look: 1, 5, 15, 60 and 300 s. */
static const unsigned pauses_ms[LOOKS] = {1000, 4000, 10000, 45000, 240000};

static void verification_on_timer(evutil_socket_t, short, void *);

void verification_init(struct certificate *certificate, struct event_base *base)
{
    certificate->verification.timer =
        evtimer_new(base, verification_on_timer, certificate);
}

static void end_task(struct certificate *certificate)
{
    if (certificate->verification.task == NULL)
        return;
    task_end(&certificate->verification.task);
    certificate->publisher->verifications--;
}

void verification_clear(struct certificate *certificate)
{
    end_task(certificate);
    event_free(certificate->verification.timer);
    free(certificate->verification.problem);
    free(certificate->verification.logged);
}

static void run_after(struct certificate *certificate, uint64_t ms)
{
    const struct timeval after = clock_span(ms);
    evtimer_add(certificate->verification.timer, &after);
}

void verification_restart(struct certificate *certificate)
{
    struct verification *verification = &certificate->verification;

    if (certificate->config->verify_count == 0 ||
        certificate->publisher->is_retired)
        return;
    verification->is_begun = true;
    verification->is_outdated = verification->task != NULL;
    verification->looks = 0;
    if (verification->task == NULL)
        run_after(certificate, pauses_ms[0]);
}

void verification_begin(
    struct certificate *certificate, bool has_changed, bool is_first)
{
    if (certificate->reply == NULL ||
        (!has_changed && certificate->verification.is_begun))
        return;
    verification_restart(certificate);
    certificate->verification.is_start = is_first;
    certificate->verification.is_said = false;
}

void verification_hasten(struct certificate *certificate)
{
    struct verification *verification = &certificate->verification;

    if (!verification->is_begun || certificate->publisher->is_retired)
        return;
    verification->is_outdated = verification->task != NULL;
    if (verification->task == NULL)
        run_after(certificate, 0);
}

void verification_inherit(
    struct certificate *certificate, struct certificate *old)
{
    struct verification *verification = &certificate->verification;
    struct event *timer = verification->timer;

    if (strcmp(certificate->config->verify, old->config->verify) != 0)
        return;
    bool has_more = old->verification.task != NULL ||
                    evtimer_pending(old->verification.timer, NULL);
    end_task(old);
    *verification = old->verification;
    verification->timer = timer;
    verification->is_outdated = false;
    old->verification.problem = NULL;
    old->verification.logged = NULL;
    if (has_more)
        run_after(certificate, pauses_ms[0]);
}

/* The questions, in the order in which they are asked. */
struct questions {
    struct served_question items[QUESTION_MAX];
    size_t count;
};

static void add_each_algorithm(struct questions *questions,
    const struct certificate *certificate,
    const struct config_verify_place *place, const char *name)
{
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        if (certificate->chains[i] != NULL && questions->count < QUESTION_MAX)
            questions->items[questions->count++] =
                (struct served_question){place, name, certificate->chains[i]};
}

/* A name that our certificate is to be served for: no other section's is. Of a
 * wildcard one that it covers. */
static const char *sni_name(
    const struct certificate *certificate, const char *name, char text_r[300])
{
    size_t len;

    (void)snprintf(text_r, 300, "%s%s", name[0] == '*' ? "tollgate" : "",
        name + (name[0] == '*' ? 1 : 0));
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        if (certificate->chains[i] != NULL &&
            !chain_covers(certificate->chains[i], text_r))
            return NULL;
    const char *reply = certs_find(certificate->publisher->certs, text_r, &len);
    return reply == NULL || reply == certificate->reply ? text_r : NULL;
}

static void gather(const struct certificate *certificate,
    struct questions *questions, char (*names)[300])
{
    const struct config_certificate *config = certificate->config;

    for (size_t p = 0; p < config->verify_count; p++) {
        const struct config_verify_place *place = &config->verify_places[p];
        for (size_t n = 0; config->names[n] != NULL; n++) {
            const char *name =
                sni_name(certificate, config->names[n], names[n]);
            if (name != NULL)
                add_each_algorithm(questions, certificate, place, name);
        }
        if (config->default_chain[0] != '\0')
            add_each_algorithm(questions, certificate, place, NULL);
    }
}

/* Nothing is left that a server could make us give away: no key, no rights,
 * and an end. */
static void give_up(const struct certs *certs)
{
    sigset_t alarms;

    certs_wipe_keys(certs);
    (void)prctl(PR_SET_NAME, "verify");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!child_give_up_capabilities())
        _exit(1);
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(TASK_LIFE_S);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarms, NULL);
}

/* In the process of the task. */
static void verify(const void *argument, struct task_report *report_r)
{
    const struct certificate *certificate = argument;
    struct questions questions = {.count = 0};
    size_t names = 0;
    struct error err;

    while (certificate->config->names[names] != NULL)
        names++;
    char(*texts)[300] = xcalloc(names + 1, sizeof *texts);
    gather(certificate, &questions, texts);
    give_up(certificate->publisher->certs);
    for (size_t i = 0; i < questions.count && report_r->text[0] == '\0'; i++)
        if (!served_ask(&questions.items[i], &err))
            (void)snprintf(
                report_r->text, sizeof report_r->text, "%s", err.text);
    free(texts);
}

bool verification_has_failed(const struct certificate *certificate)
{
    return certificate->verification.logged != NULL;
}

static void note_good(struct certificate *certificate)
{
    struct verification *verification = &certificate->verification;

    bool is_news = !verification->is_said || verification->logged != NULL;

    verification->good_s = verification->looked_s;
    verification->looks = 0;
    verification->is_said = true;
    free(verification->logged);
    verification->logged = NULL;
    if (is_news)
        log_info("certificate \"%s\": served as published at %s",
            certificate->config->title, certificate->config->verify);
}

static void note_problem(struct certificate *certificate)
{
    struct verification *verification = &certificate->verification;
    bool has_map = certificate->config->refresh_map[0] != '\0';
    unsigned patience = has_map && !verification->is_start ? LOOKS_MAP : LOOKS;

    if (verification->looks < LOOKS)
        verification->looks++;
    run_after(certificate, verification->looks < LOOKS
                               ? pauses_ms[verification->looks]
                               : GO_ON_MS);
    if ((verification->looks < patience && verification->logged == NULL) ||
        (verification->logged != NULL &&
            strcmp(verification->logged, verification->problem) == 0))
        return;
    free(verification->logged);
    verification->logged = xstrdup(verification->problem);
    log_warn("certificate \"%s\": not served as published: %s",
        certificate->config->title, verification->problem);
}

static void verification_on_done(void *context, const char *problem)
{
    struct certificate *certificate = context;
    struct verification *verification = &certificate->verification;

    verification->task = NULL;
    certificate->publisher->verifications--;
    if (verification->is_outdated) {
        verification->is_outdated = false;
        run_after(certificate, pauses_ms[0]);
        return;
    }
    verification->looked_s = clock_wall_s();
    free(verification->problem);
    verification->problem = *problem != '\0' ? xstrdup(problem) : NULL;
    if (verification->problem != NULL)
        note_problem(certificate);
    else
        note_good(certificate);
}

static void verification_on_timer(evutil_socket_t fd, short what, void *context)
{
    struct certificate *certificate = context;
    struct publisher *publisher = certificate->publisher;
    struct error err;

    if (publisher->is_retired || certificate->reply == NULL)
        return;
    if (publisher->verifications >= TASKS_MAX ||
        publication_is_coming(certificate)) {
        run_after(certificate, BUSY_MS);
        return;
    }
    certificate->verification.task =
        task_start(event_get_base(certificate->verification.timer), verify,
            certificate, verification_on_done, certificate, &err);
    publisher->verifications++;
    if (certificate->verification.task == NULL)
        verification_on_done(certificate, err.text);
}
