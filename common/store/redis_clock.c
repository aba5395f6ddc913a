/*
 * redis_clock.c - see redis_clock.h.
 *
 * A clock that is set back by a step while a charge is open makes its moment
 * too late until the next heartbeat. Then as many units as are taken back may
 * be forgotten earlier than they should be, once.
 */
#include "common/store/redis_clock.h"

#include "common/base/clock.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#define ROUNDING_MS 2 /* three numbers that were rounded down */
#define DIGITS_MAX  15

/* Redis says its seconds and microseconds as texts. */
static bool read_number(const redisReply *reply, int64_t *number_r)
{
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 ||
        reply->len > DIGITS_MAX)
        return false;
    char *end;
    *number_r = strtoll(reply->str, &end, 10);
    return *end == '\0' && *number_r >= 0;
}

static void on_reply(struct redis_call *call, const redisReply *reply)
{
    struct redis_clock *clock = call->context;
    int64_t seconds, microseconds;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY ||
        reply->elements != 2 || !read_number(reply->element[0], &seconds) ||
        !read_number(reply->element[1], &microseconds))
        return;
    clock->is_known = true;
    clock->lead_ms = seconds * 1000 + microseconds / 1000 -
                     (int64_t)clock_monotonic_ms() - ROUNDING_MS;
}

void redis_clock_init(struct redis_clock *clock)
{
    clock->call.on_reply = on_reply;
    clock->call.context = clock;
}

void redis_clock_read(
    struct redis_clock *clock, struct redis_connection *connection)
{
    static const char *const argv[] = {"TIME"};
    static const size_t lens[] = {4};
    if (clock->call.slot == NULL)
        (void)redis_connection_call(connection, &clock->call, 1, argv, lens);
}

void redis_clock_forget(struct redis_clock *clock)
{
    redis_connection_cancel(&clock->call);
    clock->is_known = false;
}

uint64_t redis_clock_then(const struct redis_clock *clock, uint64_t moment_ms)
{
    int64_t then_ms = (int64_t)moment_ms + clock->lead_ms;
    return clock->is_known && then_ms > 0 ? (uint64_t)then_ms : 0;
}
