/*
 * test_sentinel.c - a Sentinel that does not behave. What Sentinels say is
 * test_sentinel_reply.c's, real ones are tests/integration's.
 */
#include "tests/unit/fake_redis.h"
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/redis/sentinel.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

static struct event_base *base;
static struct fake_redis fake;

static void on_master(void *context, const char *host, uint16_t port)
{
}

static void on_trouble(void *context, const char *reason)
{
}

/* Asks it over and over until it has been connected so often. */
static void ask_until_accepted(struct redis_sentinel *sentinel, unsigned times)
{
    uint64_t end_ms = clock_monotonic_ms() + 8000;

    while (fake.accepted < times && clock_monotonic_ms() < end_ms) {
        redis_sentinel_hurry(sentinel, false);
        redis_sentinel_hurry(sentinel, true);
        event_base_loop(base, EVLOOP_ONCE);
    }
    assert_int_equal(fake.accepted, times);
}

static int set_up(void **state);
static int tear_down(void **state);

/* One that stops answering, in the middle of a question, is connected anew
 * when no more questions can wait, and must be asked then. */
TEST_WITH(set_up, tear_down, a_mute_one_is_asked_again)
{
    char host[] = "127.0.0.1", name[] = "mymaster";
    struct redis_host hosts[] = {{.name = host, .port = fake.port}};
    const struct redis_url url = {.kind = REDIS_SENTINEL,
        .hosts = hosts,
        .host_count = 1,
        .master_name = name};
    const struct redis_sentinel_settings settings = {.url = &url,
        .client_name = "test",
        .timeout_ms = 1,
        .on_master = on_master,
        .on_trouble = on_trouble};
    struct redis_sentinel *sentinel = redis_sentinel_new(base, &settings);
    uint64_t end_ms = clock_monotonic_ms() + 8000;

    fake.mute_after = 2;
    ask_until_accepted(sentinel, 2);
    fake.seen_len = 0;
    fake.seen[0] = '\0';
    while (strstr(fake.seen, "SENTINEL MASTER mymaster;") == NULL &&
           clock_monotonic_ms() < end_ms)
        event_base_loop(base, EVLOOP_ONCE);
    assert_non_null(strstr(fake.seen, "SENTINEL MASTER mymaster;"));
    redis_sentinel_free(&sentinel);
}

static int set_up(void **state)
{
    base = event_base_new();
    fake_redis_start(&fake, base, true);
    return 0;
}

static int tear_down(void **state)
{
    fake_redis_stop(&fake);
    event_base_free(base);
    return 0;
}

RUN_TESTS(NULL, NULL)
