/*
 * fake_redis.h - a server that does as it is told, in the test's own loop.
 *
 * Answers the handshake well and ECHO with its argument, unless the test says
 * otherwise. Everything that it was sent is kept as text.
 */
#ifndef TOLLGATE_TESTS_FAKE_REDIS_H
#define TOLLGATE_TESTS_FAKE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bufferevent;
struct event;
struct event_base;
struct evconnlistener;
struct redisReader;
struct redisReply;

#define FAKE_SHA "0123456789012345678901234567890123456789"

struct fake_redis {
    struct event_base *base;
    struct evconnlistener *listener;
    struct bufferevent *peer;
    struct redisReader *reader;
    char path[108];
    uint16_t port;
    unsigned accepted;
    size_t seen_len;
    char seen[8192]; /* "AUTH x;ECHO y;" */
    /* NULL: a good one */
    const char *auth_reply, *name_reply, *script_reply;
    bool is_silent;              /* keeps ECHO's answers back */
    unsigned mute_after, others; /* answers so many of other commands; 0: all */
    bool is_slow;                /* one byte a turn */
    size_t held_len;
    char held[4096];
    struct event *drip;
    size_t drip_len, drip_at;
    char drip_bytes[65536];
    /* NULL: none. Sees each command first; false: the usual answer. */
    bool (*on_command)(struct fake_redis *, const struct redisReply *command);
    void *context; /* of on_command */
};

/* In a new directory of its own; or, if is_tcp, on a port of 127.0.0.1. */
void fake_redis_start(struct fake_redis *, struct event_base *, bool is_tcp);
void fake_redis_stop(struct fake_redis *);
void fake_redis_send(struct fake_redis *, const char *bytes, size_t len);
/* The same later: kept until the release. */
void fake_redis_hold(struct fake_redis *, const char *bytes, size_t len);
/* Sends what was kept back. */
void fake_redis_release(struct fake_redis *);
void fake_redis_hang_up(struct fake_redis *);

#endif
