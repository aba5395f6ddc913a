/*
 * connection_internal.h - what the files of one connection share: connection.c
 * (links, calls, deadlines), greeting.c (the handshake) and farewell.c.
 */
#ifndef TOLLGATE_REDIS_CONNECTION_INTERNAL_H
#define TOLLGATE_REDIS_CONNECTION_INTERNAL_H

#include "common/redis/connection.h"
#include "common/redis/dial.h"
#include "common/redis/outbox.h"
#include "common/redis/pipeline.h"
#include "common/redis/reader.h"

#define REDIS_SHA_LEN 40

enum connection_state { WAITING, DIALING, GREETING, READY };

struct redis_connection {
    struct redis_settings settings;
    struct redis_dialer dialer;
    char *host; /* as redis_connection_aim said; NULL: the settings' */
    uint16_t port;
    struct event *timer;
    uint64_t timer_at_ms; /* 0: not set */
    enum connection_state state;
    unsigned link; /* counts the links: has this one ended since? */
    uint64_t backoff_ms;
    struct bufferevent *bev;
    struct redis_outbox *outbox;
    struct redis_reader *reader;
    struct redis_pipeline pipeline;
    char sha[REDIS_SHA_LEN + 1];
    bool is_loading;     /* a SCRIPT LOAD is under way */
    bool is_calling_out; /* a callback is on the stack: not to be freed */
    bool is_retired;
    bool is_asked_for_password;
    unsigned steps_left; /* of the greeting */
};

/* Ends the link and calls out: the last thing that any callback does. */
void connection_fail(struct redis_connection *, const char *reason);

/* The link is up: sends the whole handshake at once. */
void connection_greet(struct redis_connection *);
/* The reply to a step of it, or to the script. False: it has failed, and so
 * has the link. */
bool connection_take_step(
    struct redis_connection *, enum redis_step, const redisReply *);

#endif
