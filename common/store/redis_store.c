/*
 * redis_store.c - opens and closes the store in Redis, and knows who has what.
 *
 * Does nothing with counters itself. Whether a server can be used is its
 * node's business (redis_node.c).
 */
#include "common/store/redis_store_internal.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/config/config.h"
#include "common/store/redis_edicts.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define REFUSED_ENTRIES   65536
#define TICKS_PER_RENEWAL 4

void redis_store_complain(struct redis_store *store, const char *what)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms < store->complain_after_ms)
        return;
    store->complain_after_ms = now_ms + REDIS_COMPLAINT_MS;
    log_warn("store %s: %s", store->description, what);
}

struct redis_node *redis_store_owner(
    const struct redis_store *store, const char *tag, size_t len)
{
    return store->slots == NULL ? TAILQ_FIRST(&store->nodes)
                                : redis_slots_find(store->slots, tag, len);
}

struct redis_node *redis_store_route(
    const struct redis_store *store, const char *tag, size_t len)
{
    struct redis_node *node = redis_store_owner(store, tag, len);
    return node != NULL && redis_node_is_usable(node) ? node : NULL;
}

struct redis_node *redis_store_route_key(
    const struct redis_store *store, const char *key)
{
    const char *tag = strchr(key, '{') + 1;
    return redis_store_route(store, tag, strcspn(tag, "}"));
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

/* Theirs if a password is given, whoever the user is; else those of Redis. */
static void redis_store_read_sentinels(
    struct redis_store *store, const struct config *config)
{
    const char *password = text_or_empty(config->store_sentinel_password);
    if (*password != '\0') {
        replace_text(
            &store->sentinel_username, config->store_sentinel_username);
        replace_text(&store->sentinel_password, password);
        return;
    }
    replace_text(&store->sentinel_username, store->url.username);
    replace_text(&store->sentinel_password, store->url.password);
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
    redis_store_read_sentinels(store, config);
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

static bool redis_store_read_tls(
    struct redis_store *store, const struct config *config, struct error *err)
{
    const struct redis_tls_files files = {
        .ca_file = text_or_empty(config->store_tls_ca_file),
        .cert_file = text_or_empty(config->store_tls_cert_file),
        .key_file = text_or_empty(config->store_tls_key_file),
        .server_name = text_or_empty(config->store_tls_server_name),
    };
    if (!store->url.is_tls)
        return true;
    store->tls = redis_tls_new(&files, err);
    return store->tls != NULL;
}

void redis_store_on_node(struct redis_store *store, bool is_ready)
{
    if (store->sentinel != NULL)
        redis_sentinel_hurry(store->sentinel, !is_ready);
    if (store->slots != NULL)
        redis_slots_on_node(store);
}

struct redis_node *redis_store_redirect(struct redis_store *store,
    const struct redis_node *from, const redisReply *reply, bool *is_ask_r)
{
    struct cluster_redirect redirect;
    *is_ask_r = false;
    if (store->slots == NULL ||
        !cluster_redirect_read(reply->str, from->host, &redirect))
        return NULL;
    struct redis_node *to =
        redis_slots_node(store, redirect.address.host, redirect.address.port);
    if (to == NULL)
        return NULL;
    *is_ask_r = redirect.is_ask;
    to->named_ms = clock_monotonic_ms();
    if (!redirect.is_ask)
        redis_slots_moved(store, redirect.slot, to);
    return to;
}

static void redis_store_on_master(
    void *context, const char *host, uint16_t port)
{
    const struct redis_store *store = context;
    redis_node_aim(TAILQ_FIRST(&store->nodes), host, port);
}

static void redis_store_on_trouble(void *context, const char *reason)
{
    const struct redis_store *store = context;
    redis_node_complain(TAILQ_FIRST(&store->nodes), reason);
}

static void redis_store_connect(
    struct redis_store *store, struct event_base *base)
{
    const struct redis_sentinel_settings settings = {
        .url = &store->url,
        .username = store->sentinel_username,
        .password = store->sentinel_password,
        .tls = store->tls,
        .resolver = store->resolver,
        .client_name = store->client_name,
        .timeout_ms = store->timeout_ms,
        .on_master = redis_store_on_master,
        .on_trouble = redis_store_on_trouble,
        .context = store,
    };
    if (store->url.kind == REDIS_CLUSTER) {
        redis_slots_open(store, base);
        return;
    }
    struct redis_node *node = redis_node_new(store, base, NULL, 0);
    TAILQ_INSERT_TAIL(&store->nodes, node, entry);
    if (store->url.kind == REDIS_SENTINEL)
        store->sentinel = redis_sentinel_new(base, &settings);
}

static void redis_store_free(struct redis_store *store)
{
    redis_url_clear(&store->url);
    redis_tls_free(&store->tls);
    free(store->description);
    free(store->client_name);
    free(store->prefix);
    free(store->sentinel_username);
    free(store->sentinel_password);
    free(store);
}

static void holder_make_id(struct script_holder *holder)
{
    if (getrandom(holder->id, sizeof holder->id, 0) != sizeof holder->id)
        abort();
}

struct redis_store *redis_store_open(struct event_base *base,
    struct resolver *resolver, const struct config *config,
    struct lease_table *leases, struct memory_store *memory,
    struct edict_table **edicts, struct error *err)
{
    struct redis_store *store = xcalloc(1, sizeof *store);
    store->resolver = resolver;
    if (!redis_store_read_config(store, config, err) ||
        !redis_store_read_tls(store, config, err)) {
        redis_store_free(store);
        return NULL;
    }
    store->description = redis_url_describe(&store->url);
    store->client_name = client_name_of(text_or_empty(config->instance_name));
    store->leases = leases;
    store->memory = memory;
    holder_make_id(&store->holder);
    store->refused = refused_cache_new(REFUSED_ENTRIES);
    redis_pending_init(store);
    lease_writer_init(store, base);
    TAILQ_INIT(&store->nodes);
    redis_store_connect(store, base);
    store->edicts = redis_edicts_new(store, base, edicts);
    return store;
}

/* What the nodes know of us is taken back, each within the time left. */
static void redis_store_farewell(struct redis_store *store)
{
    uint64_t until_ms = clock_monotonic_ms() + store->timeout_ms;
    struct redis_node *node;
    lease_writer_farewell(store);
    TAILQ_FOREACH(node, &store->nodes, entry)
        if (redis_node_is_usable(node))
            heartbeat_farewell(node);
    TAILQ_FOREACH(node, &store->nodes, entry) {
        uint64_t now_ms = clock_monotonic_ms();
        if (redis_node_is_usable(node))
            redis_connection_finish(&node->link->connection,
                now_ms < until_ms ? until_ms - now_ms : 0);
    }
}

void redis_store_close(struct redis_store **store_p)
{
    struct redis_store *store = *store_p;
    struct redis_node *node;
    if (store == NULL)
        return;
    redis_edicts_free(&store->edicts);
    redis_store_farewell(store);
    redis_sentinel_free(&store->sentinel);
    redis_slots_close(store);
    while ((node = TAILQ_FIRST(&store->nodes)) != NULL) {
        TAILQ_REMOVE(&store->nodes, node, entry);
        redis_node_free(&node);
    }
    redis_pending_clear(store);
    lease_writer_clear(store);
    refused_cache_free(&store->refused);
    redis_store_free(store);
    *store_p = NULL;
}

bool redis_store_reload(struct redis_store *store, struct error *err)
{
    struct redis_node *node;
    bool is_changed = false;
    if (store->tls == NULL)
        return true;
    if (!redis_tls_reload(store->tls, &is_changed, err))
        return false;
    if (!is_changed)
        return true;
    if (store->sentinel != NULL)
        redis_sentinel_renew(store->sentinel);
    if (store->slots != NULL)
        redis_slots_renew(store);
    TAILQ_FOREACH(node, &store->nodes, entry)
        redis_node_renew(node);
    return true;
}

void redis_store_serve(struct redis_store *store, unsigned faces)
{
    struct redis_node *node;
    store->serves = faces;
    TAILQ_FOREACH(node, &store->nodes, entry)
        if (redis_node_is_usable(node) && node->told_serves != faces)
            heartbeat_send(node);
}

/* The worst of the nodes is what is said of all. */
static enum breaker_state redis_store_breaker(const struct redis_store *store)
{
    const struct redis_node *node;
    if (store->slots != NULL && redis_slots_are_whole(store))
        return BREAKER_CLOSED;
    TAILQ_FOREACH(node, &store->nodes, entry)
        if (!redis_node_is_usable(node))
            return node->breaker.state;
    return store->slots == NULL ? BREAKER_CLOSED : BREAKER_OPEN;
}

static uint32_t at_least_one(uint32_t number)
{
    return number == 0 ? 1 : number;
}

struct redis_edicts *redis_store_edicts(struct redis_store *store)
{
    return store->edicts;
}

void redis_store_state(
    const struct redis_store *store, struct store_state *state_r)
{
    const enum breaker_state breaker = redis_store_breaker(store);
    const struct redis_node *node;
    state_r->is_available = breaker == BREAKER_CLOSED;
    state_r->description = store->description;
    state_r->breaker = breaker_state_name(breaker);
    state_r->instances = at_least_one(store->alive[0]);
    for (size_t i = 0; i < FACES; i++)
        state_r->serving[i] = at_least_one(store->alive[1 + i]);
    state_r->round_trips = store->round_trips;
    state_r->failures = store->failures;
    state_r->reconnects = 0;
    TAILQ_FOREACH(node, &store->nodes, entry) {
        state_r->reconnects += node->connects > 0 ? node->connects - 1 : 0;
        redis_room_add(&state_r->room, &node->room.found);
    }
}
