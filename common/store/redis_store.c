/*
 * redis_store.c - opens and closes the store in Redis, and knows whether it
 * can be used.
 *
 * The heartbeat is this process's own lease on the key of all daemons: it
 * counts them, and as a write by the script it is also the honest probe: a
 * server that answers PING may still be a replica or out of memory. It goes
 * out when a connection is ready, at each probe of the breaker and every
 * lease_ttl/3. Whatever fails ends in redis_store_fail, once for all.
 */
#include "common/store/redis_store_internal.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/config.h"
#include "common/store/store_lua.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define REFUSED_ENTRIES   65536
#define TICKS_PER_RENEWAL 4

static const struct subject all_daemons = {
    .len = sizeof "instances" - 1,
    .text = "instances",
};

static void redis_store_set_tick(struct redis_store *store)
{
    uint64_t ms = redis_store_is_open_for_use(store)
                      ? store->tick_ms
                      : breaker_wait_ms(&store->breaker, clock_monotonic_ms());
    if (ms == UINT64_MAX) {
        (void)evtimer_del(store->tick);
        return;
    }
    struct timeval tv = {
        .tv_sec = (time_t)(ms / 1000),
        .tv_usec = (suseconds_t)(ms % 1000 * 1000),
    };
    (void)evtimer_add(store->tick, &tv);
}

/* Once for each change of state, and for each new reason. */
static void redis_store_log_trouble(
    struct redis_store *store, const char *reason)
{
    char text[sizeof store->trouble];
    (void)snprintf(text, sizeof text, "%s", reason);
    if (strcmp(text, store->trouble) == 0)
        return;
    memcpy(store->trouble, text, sizeof text);
    log_warn("store %s is unavailable: %s", store->description, text);
}

static void redis_store_settle(struct redis_store *store)
{
    redis_connection_cancel(store->connection, &store->heartbeat);
    lease_writer_settle(store);
    redis_pending_settle(store);
    redis_store_set_tick(store);
}

void redis_store_fail(struct redis_store *store, const char *reason)
{
    (void)breaker_on_failure(&store->breaker, clock_monotonic_ms());
    redis_store_log_trouble(store, reason);
    redis_store_settle(store);
}

void redis_store_complain(struct redis_store *store, const char *what)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms < store->complain_after_ms)
        return;
    store->complain_after_ms = now_ms + REDIS_COMPLAINT_MS;
    log_warn("store %s: %s", store->description, what);
}

/* For the log; without the place in the script where it was noticed, which
 * would make one trouble look like several. */
static void error_describe(const redisReply *reply, char *text, size_t size)
{
    log_escape(text, size, reply->str, reply->len);
    char *place = strstr(text, " script: ");
    if (place != NULL)
        *place = '\0';
}

enum redis_trouble redis_store_take_error(
    struct redis_store *store, const redisReply *reply)
{
    char text[sizeof store->trouble];
    error_describe(reply, text, sizeof text);
    switch (script_error_of(reply->str)) {
    case SCRIPT_ERROR_MISSING:
        redis_connection_load_script(store->connection);
        return TROUBLE_REPEAT;
    case SCRIPT_ERROR_REQUEST:
        redis_store_complain(store, text);
        return TROUBLE_ONE;
    case SCRIPT_ERROR_SERVER:
        break;
    case SCRIPT_ERROR_MOVED_ON:
        redis_store_fail(store, text);
        redis_connection_drop(store->connection, text);
        return TROUBLE_ALL;
    }
    redis_store_fail(store, text);
    return TROUBLE_ALL;
}

static void redis_store_succeed(struct redis_store *store)
{
    if (!breaker_on_success(&store->breaker))
        return;
    log_info("store %s is available", store->description);
    store->trouble[0] = '\0';
    /* What was told before may have gone with the old server. */
    lease_queue_all(store->leases);
    lease_writer_tick(store, 0);
    redis_store_set_tick(store);
}

static void heartbeat_send(struct redis_store *store)
{
    struct script_call *call = &store->call;
    if (store->heartbeat.slot != NULL)
        return;
    script_call_begin(call, &store->holder,
        redis_connection_script_sha(store->connection), 1, false);
    script_call_add_lease(call, &all_daemons, "", 1);
    store->heartbeat_due_ms = clock_monotonic_ms() + store->renew_ms;
    if (!redis_connection_call(store->connection, &store->heartbeat, call->argc,
            call->argv, call->argv_len))
        redis_store_fail(store, "too many calls are unanswered");
}

static void heartbeat_on_error(
    struct redis_store *store, const redisReply *reply)
{
    enum redis_trouble trouble = redis_store_take_error(store, reply);
    if (trouble == TROUBLE_ALL)
        return;
    if (trouble == TROUBLE_REPEAT && !store->heartbeat_is_repeated) {
        store->heartbeat_is_repeated = true;
        heartbeat_send(store);
        return;
    }
    redis_store_fail(store, "the script cannot be run");
}

static void heartbeat_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct redis_store *store = call->context;
    uint32_t instances;
    if (reply == NULL) {
        redis_store_fail(store, "no answer within store_timeout");
    } else if (reply->type == REDIS_REPLY_ERROR) {
        heartbeat_on_error(store, reply);
    } else if (!script_reply_read_leases(reply, 1, &instances)) {
        redis_store_fail(store, "an unexpected reply to the heartbeat");
    } else {
        store->instances = instances;
        store->heartbeat_is_repeated = false;
        redis_store_succeed(store);
    }
}

static void redis_store_on_tick(int fd, short events, void *context)
{
    struct redis_store *store = context;
    uint64_t now_ms = clock_monotonic_ms();
    (void)fd;
    (void)events;
    if (redis_store_is_open_for_use(store)) {
        uint64_t soon_ms = now_ms + store->tick_ms;
        if (soon_ms > store->heartbeat_due_ms)
            heartbeat_send(store);
        lease_writer_tick(store, soon_ms - store->renew_ms);
    } else if (breaker_take_probe(&store->breaker, now_ms)) {
        store->heartbeat_is_repeated = false;
        heartbeat_send(store);
    }
    redis_store_set_tick(store);
}

static void redis_store_on_state(
    void *context, bool is_ready, const char *reason)
{
    struct redis_store *store = context;
    if (is_ready) {
        store->connects++;
        refused_cache_clear(store->refused);
        breaker_on_connected(&store->breaker, clock_monotonic_ms());
        redis_store_set_tick(store);
        return;
    }
    (void)breaker_on_lost(&store->breaker);
    redis_store_log_trouble(store, reason);
    redis_store_settle(store);
}

static const char *text_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static void replace_text(char **text, const char *by)
{
    if (by == NULL || *by == '\0')
        return;
    free(*text);
    *text = xstrdup(by);
}

/* store_username and store_password win over what stands in the URL. */
static bool redis_store_read_config(
    struct redis_store *store, const struct config *config, struct error *err)
{
    const char *prefix = text_or_empty(config->store_prefix);
    if (!redis_url_parse(config->store, &store->url, err))
        return false;
    replace_text(&store->url.username, config->store_username);
    replace_text(&store->url.password, config->store_password);
    if (store->url.username != NULL && store->url.password == NULL)
        return error_set(err, "the store has a user but no password; "
                              "store_password gives one");
    if (strlen(prefix) > SCRIPT_PREFIX_MAX || strpbrk(prefix, "{}") != NULL)
        return error_set(err,
            "store_prefix must have no braces and at most "
            "%d bytes",
            SCRIPT_PREFIX_MAX);
    store->prefix = xstrdup(prefix);
    store->timeout_ms = config->store_timeout_ms;
    store->renew_ms = config->lease_ttl_ms / 3;
    store->tick_ms = store->renew_ms / TICKS_PER_RENEWAL + 1;
    store->holder.prefix = store->prefix;
    store->holder.lease_ttl_ms = config->lease_ttl_ms;
    return true;
}

/* CLIENT SETNAME takes neither spaces nor control bytes. */
static char *client_name_of(const char *instance_name)
{
    char *name = xprintf("tollgate:%s", instance_name);
    for (char *c = name; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            *c = '-';
    return name;
}

static void redis_store_connect(
    struct redis_store *store, struct event_base *base)
{
    struct redis_settings settings = {
        .url = store->url,
        .client_name = store->client_name,
        .timeout_ms = store->timeout_ms,
        .script = store_lua,
        .pending_max =
            REDIS_PENDING_MAX + LEASE_BATCHES + 1, /* the heartbeat */
        .on_state = redis_store_on_state,
        .context = store,
    };
    store->connection = redis_connection_new(base, &settings);
}

static void redis_store_free(struct redis_store *store)
{
    redis_url_clear(&store->url);
    free(store->description);
    free(store->client_name);
    free(store->prefix);
    free(store);
}

static void holder_make_id(struct script_holder *holder)
{
    if (getrandom(holder->id, sizeof holder->id, 0) != sizeof holder->id)
        abort();
}

struct redis_store *redis_store_open(struct event_base *base,
    const struct config *config, struct lease_table *leases, struct error *err)
{
    struct redis_store *store = xcalloc(1, sizeof *store);
    if (!redis_store_read_config(store, config, err)) {
        redis_store_free(store);
        return NULL;
    }
    store->description = redis_url_describe(&store->url);
    store->client_name = client_name_of(text_or_empty(config->instance_name));
    store->leases = leases;
    store->instances = 1;
    holder_make_id(&store->holder);
    breaker_init(&store->breaker);
    store->refused = refused_cache_new(REFUSED_ENTRIES);
    store->heartbeat.context = store;
    store->heartbeat.on_reply = heartbeat_on_reply;
    store->tick = evtimer_new(base, redis_store_on_tick, store);
    if (store->tick == NULL)
        abort();
    redis_pending_init(store);
    lease_writer_init(store, base);
    redis_store_connect(store, base);
    return store;
}

static void redis_store_farewell(struct redis_store *store)
{
    struct script_call *call = &store->call;
    redis_connection_cancel(store->connection, &store->heartbeat);
    lease_writer_farewell(store);
    script_call_begin(call, &store->holder,
        redis_connection_script_sha(store->connection), 1, false);
    script_call_add_lease(call, &all_daemons, "", 0);
    (void)redis_connection_call(
        store->connection, NULL, call->argc, call->argv, call->argv_len);
    redis_connection_finish(&store->connection, store->timeout_ms);
}

void redis_store_close(struct redis_store **store_p)
{
    struct redis_store *store = *store_p;
    if (store == NULL)
        return;
    if (redis_store_is_open_for_use(store))
        redis_store_farewell(store);
    redis_connection_free(&store->connection);
    redis_pending_clear(store);
    lease_writer_clear(store);
    event_free(store->tick);
    refused_cache_free(&store->refused);
    redis_store_free(store);
    *store_p = NULL;
}

void redis_store_state(
    const struct redis_store *store, struct store_state *state_r)
{
    state_r->is_available = redis_store_is_open_for_use(store);
    state_r->description = store->description;
    state_r->instances = store->instances == 0 ? 1 : store->instances;
    state_r->round_trips = store->round_trips;
    state_r->failures = store->failures;
    state_r->reconnects = store->connects > 0 ? store->connects - 1 : 0;
}
