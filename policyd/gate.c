/*
 * gate.c - all connections in the gates' hands: their bounds and their metrics.
 *
 * What is full is never waited for. The oldest connection that has been refused
 * gives way, so that a flood of refusals takes no room from others; then the
 * oldest that has said nothing. Where there is neither the new one is closed.
 */
#include "policyd/gate.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/engine/daemon.h"
#include "policyd/gate_client.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOG_EVERY_MS 60000

struct gate *gate_new(struct daemon *daemon)
{
    struct gate *gate = xcalloc(1, sizeof *gate);
    struct rlimit limit;

    gate->daemon = daemon;
    hash_key_init(&gate->hash_key);
    TAILQ_INIT(&gate->silent);
    TAILQ_INIT(&gate->leaving);
    TAILQ_INIT(&gate->busy);
    gate->descriptors =
        getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (size_t)limit.rlim_cur : 1024;
    return gate;
}

static void end_all(struct gate_list *list)
{
    struct gate_client *client;

    while ((client = TAILQ_FIRST(list)) != NULL)
        gate_client_free(client);
}

void gate_free(struct gate **gate)
{
    if (*gate == NULL)
        return;
    end_all(&(*gate)->silent);
    end_all(&(*gate)->leaving);
    end_all(&(*gate)->busy);
    decision_clear(&(*gate)->decision);
    free(*gate);
    *gate = NULL;
}

/* A client that is handed over takes two descriptors; half of them are the
 * faces'. */
static size_t room(const struct gate *gate, const struct config *config)
{
    size_t most = gate->descriptors / 4;

    return config->policyd.gate_connections < most
               ? config->policyd.gate_connections
               : most;
}

/* False: all that are in hand are busy. */
static bool make_room(struct gate *gate, const struct config *config)
{
    struct gate_client *refused = TAILQ_FIRST(&gate->leaving);
    struct gate_client *silent = TAILQ_FIRST(&gate->silent);

    if (gate->count < room(gate, config))
        return true;
    if (refused != NULL) {
        gate_client_free(refused);
        return true;
    }
    if (silent == NULL)
        return false;
    silent->end = GATE_END_CROWDED;
    gate_client_free(silent);
    return true;
}

/* A reload can take the section away, while the listener stays. */
void gate_add(struct gate *gate, const struct config_listener *listener, int fd)
{
    struct config *config = engine_config(daemon_engine(gate->daemon));
    const struct config_service *service =
        config_find_gate(config, listener->port);

    if (service != NULL && make_room(gate, config)) {
        gate_client_new(gate, config, service, fd);
        return;
    }
    gate->ends[service == NULL ? GATE_END_AWAY : GATE_END_CROWDED]++;
    close(fd);
}

size_t gate_count(const struct gate *gate)
{
    return gate->count;
}

/* Clients that wait */

bool gate_let_wait(struct gate *gate, struct gate_client *client)
{
    const struct address *net = &client->net;
    const struct gate_client *other;
    size_t bucket =
        hash_bytes(&gate->hash_key, net, sizeof *net) % GATE_BUCKETS;
    size_t count = 0;

    LIST_FOREACH(other, &gate->passing[bucket], same)
        if (address_equal(&other->net, net))
            count++;
    if (count >= client->service->max_sessions_in_hand)
        return false;
    LIST_INSERT_HEAD(&gate->passing[bucket], client, same);
    return true;
}

/* Faults */

static void log_fault(struct gate_fault *fault, const char *text)
{
    uint64_t now_ms = clock_monotonic_ms();

    fault->unsaid++;
    if (fault->logged_ms != 0 && now_ms - fault->logged_ms < LOG_EVERY_MS)
        return;
    log_warn("%s (%" PRIu64 " clients got 421)", text, fault->unsaid);
    fault->logged_ms = now_ms;
    fault->unsaid = 0;
}

static void note_late(struct gate *gate, const struct config_service *service)
{
    char text[GATE_FAULT_SIZE];

    snprintf(text, sizeof text,
        "gate of service %s: no smtpd took a client from %s within "
        "pass_timeout: are all of its process limit busy?",
        service->title, service->pass_to);
    log_fault(&gate->late, text);
}

static void note_away(
    struct gate *gate, const struct config_service *service, int error)
{
    snprintf(gate->away_text, sizeof gate->away_text,
        "gate of service %s: %s: %s; master.cf needs: %s pass n - n - - smtpd",
        service->title, service->pass_to, strerror(error), service->pass_name);
    gate->away_ms = clock_monotonic_ms();
    log_fault(&gate->away, gate->away_text);
}

void gate_note_result(struct gate *gate, const struct gate_client *client)
{
    switch (client->pass.state) {
    case GATE_PASS_TAKEN:
    case GATE_PASS_WAITS:
        gate->away_ms = 0;
        break;
    case GATE_PASS_LATE:
        note_late(gate, client->service);
        break;
    case GATE_PASS_AWAY:
        note_away(gate, client->service, client->pass.error);
        break;
    }
}

/* Forgotten after a minute: where nobody is sent to a gate that is in trouble,
 * it would not learn that it is over. */
const char *gate_trouble(const struct gate *gate)
{
    bool is_away = gate->away_ms != 0 &&
                   clock_monotonic_ms() - gate->away_ms < LOG_EVERY_MS;

    return is_away ? gate->away_text : NULL;
}

static const char *const end_words[GATE_ENDS] = {
    [GATE_END_PASSED] = "passed",
    [GATE_END_REFUSED] = "refused",
    [GATE_END_HEADER] = "header",
    [GATE_END_CHECK] = "check",
    [GATE_END_GONE] = "gone",
    [GATE_END_CROWDED] = "crowded",
    [GATE_END_LATE] = "late",
    [GATE_END_AWAY] = "away",
};

size_t gate_counts(
    const struct gate *gate, struct daemon_count counts_r[DAEMON_COUNTS])
{
    _Static_assert(GATE_ENDS < DAEMON_COUNTS, "room for all");
    size_t count = 0;

    counts_r[count++] = (struct daemon_count){"in_hand", gate->count};
    for (size_t i = 0; i < GATE_ENDS; i++)
        counts_r[count++] = (struct daemon_count){end_words[i], gate->ends[i]};
    return count;
}

void gate_write_metrics(const struct gate *gate, struct evbuffer *out)
{
    evbuffer_add_printf(out,
        "# HELP tollgate_gate_connections Connections in the gates' hands.\n"
        "# TYPE tollgate_gate_connections gauge\n"
        "tollgate_gate_connections %zu\n"
        "# HELP tollgate_gate_connections_total Connections that came to a "
        "gate, by how they ended.\n"
        "# TYPE tollgate_gate_connections_total counter\n",
        gate->count);
    for (size_t i = 0; i < GATE_ENDS; i++)
        evbuffer_add_printf(out,
            "tollgate_gate_connections_total{end=\"%s\"} %" PRIu64 "\n",
            end_words[i], gate->ends[i]);
}
