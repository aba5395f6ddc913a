/*
 * cluster.c - one connection that goes from node to node for the slot map.
 *
 * Apart from those that carry charges: a node that is slow to answer this
 * must not hold up a decision. While something is lost the next one is asked
 * each time, since one that was cut off goes on telling an old map.
 */
#include "common/redis/cluster.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/redis/connection.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_OFTEN_MS  250
#define ASK_PAUSE_MS  50 /* nodes that do not agree must not keep us busy */
#define ASK_LATER_MS  10000
#define MAP_BYTES_MAX (4 << 20)
#define QUESTIONS_MAX 8

struct redis_cluster {
    struct redis_cluster_settings settings;
    struct redis_connection *connection;
    struct redis_call call;
    struct event *tick;
    bool is_lost, is_asking, asks_again;
    bool is_heard;    /* who is asked now has answered, or cannot be reached */
    bool is_turning;  /* the end of the old link is no news */
    uint64_t sent_ms; /* the last question */
    size_t turn;      /* whose it is: the URL's hosts, then the map's masters */
    struct redis_address asked;
    struct cluster_map *map, *next; /* the last good one; scratch */
};

static void cluster_set_tick(struct redis_cluster *cluster)
{
    unsigned ms = cluster->is_lost ? ASK_OFTEN_MS : ASK_LATER_MS;
    if (cluster->asks_again)
        ms = ASK_PAUSE_MS;
    const struct timeval tv = clock_span(ms);
    (void)evtimer_add(cluster->tick, &tv);
}

static void cluster_aim(struct redis_cluster *cluster)
{
    const struct redis_url *url = cluster->settings.url;
    size_t turn = cluster->turn++ % (url->host_count + cluster->map->count);
    struct redis_address *asked = &cluster->asked;
    if (turn >= url->host_count) {
        *asked = cluster->map->masters[turn - url->host_count];
    } else {
        (void)snprintf(
            asked->host, sizeof asked->host, "%s", url->hosts[turn].name);
        asked->port = url->hosts[turn].port;
    }
    cluster->is_heard = false;
    cluster->is_turning = true;
    redis_connection_aim(
        cluster->connection, asked->host, asked->port, "another one is asked");
    cluster->is_turning = false;
}

static void cluster_send(struct redis_cluster *cluster)
{
    const char *argv[] = {"CLUSTER", "SLOTS"};
    const size_t lens[] = {7, 5};
    cluster->asks_again = false;
    if (cluster->is_asking || !redis_connection_is_ready(cluster->connection))
        return;
    cluster->sent_ms = clock_monotonic_ms();
    cluster->is_asking = redis_connection_call(
        cluster->connection, &cluster->call, 2, argv, lens);
}

static void cluster_complain(struct redis_cluster *cluster, const char *reason)
{
    char text[REDIS_HOST_SIZE + 200];
    (void)snprintf(text, sizeof text, "node %s:%u: %s", cluster->asked.host,
        (unsigned)cluster->asked.port, reason);
    cluster->settings.on_trouble(cluster->settings.context, text);
}

static void cluster_refused(
    struct redis_cluster *cluster, const redisReply *reply)
{
    char text[160] = "CLUSTER SLOTS says nothing usable";
    if (reply->type == REDIS_REPLY_ERROR)
        log_escape(text, sizeof text, reply->str, reply->len);
    cluster_complain(cluster, text);
    cluster->is_lost = true;
    cluster_set_tick(cluster);
}

static void cluster_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct redis_cluster *cluster = call->context;
    cluster->is_asking = false;
    cluster->is_heard = true;
    if (reply == NULL) {
        redis_connection_drop(cluster->connection, "no answer in time");
        return;
    }
    if (!cluster_map_read(reply, cluster->asked.host, cluster->next)) {
        cluster_refused(cluster, reply);
        return;
    }
    struct cluster_map *map = cluster->next;
    cluster->next = cluster->map;
    cluster->map = map;
    cluster->settings.on_map(cluster->settings.context, map);
}

static void cluster_on_state(void *context, bool is_ready, const char *reason)
{
    struct redis_cluster *cluster = context;
    if (is_ready) {
        cluster_send(cluster);
        return;
    }
    if (cluster->is_turning)
        return;
    cluster->is_heard = true;
    cluster_complain(cluster, reason);
    cluster->is_lost = true;
    cluster_set_tick(cluster);
}

static void cluster_on_tick(int fd, short events, void *context)
{
    struct redis_cluster *cluster = context;
    if (cluster->is_lost && cluster->is_heard)
        cluster_aim(cluster);
    cluster_send(cluster);
    cluster_set_tick(cluster);
}

static void cluster_connect(
    struct redis_cluster *cluster, struct event_base *base)
{
    const struct redis_cluster_settings *settings = &cluster->settings;
    const struct redis_settings link = {
        .url =
            {
                .username = settings->url->username,
                .password = settings->url->password,
            },
        .tls = settings->tls,
        .resolver = settings->resolver,
        .client_name = settings->client_name,
        .timeout_ms = settings->timeout_ms,
        .pending_max = QUESTIONS_MAX,
        .reply_max = MAP_BYTES_MAX,
        .on_state = cluster_on_state,
        .context = cluster,
    };
    cluster->call.on_reply = cluster_on_reply;
    cluster->call.context = cluster;
    cluster->connection = redis_connection_new(base, &link);
    cluster_aim(cluster);
}

struct redis_cluster *redis_cluster_new(
    struct event_base *base, const struct redis_cluster_settings *settings)
{
    struct redis_cluster *cluster = xcalloc(1, sizeof *cluster);
    cluster->settings = *settings;
    cluster->map = xcalloc(1, sizeof *cluster->map);
    cluster->next = xcalloc(1, sizeof *cluster->next);
    cluster->tick = evtimer_new(base, cluster_on_tick, cluster);
    if (cluster->tick == NULL)
        abort();
    cluster->is_lost = true;
    cluster_connect(cluster, base);
    cluster_set_tick(cluster);
    return cluster;
}

void redis_cluster_free(struct redis_cluster **cluster_p)
{
    struct redis_cluster *cluster = *cluster_p;
    if (cluster == NULL)
        return;
    redis_connection_free(&cluster->connection);
    event_free(cluster->tick);
    free(cluster->map);
    free(cluster->next);
    free(cluster);
    *cluster_p = NULL;
}

void redis_cluster_ask(struct redis_cluster *cluster)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (cluster->asks_again)
        return;
    if (now_ms >= cluster->sent_ms + ASK_PAUSE_MS) {
        cluster_send(cluster);
        return;
    }
    cluster->asks_again = true;
    cluster_set_tick(cluster);
}

void redis_cluster_hurry(struct redis_cluster *cluster, bool is_lost)
{
    if (cluster->is_lost == is_lost)
        return;
    cluster->is_lost = is_lost;
    if (is_lost)
        cluster_send(cluster);
    cluster_set_tick(cluster);
}

void redis_cluster_renew(struct redis_cluster *cluster)
{
    redis_connection_drop(cluster->connection, "new certificates are there");
}
