/* connection_fixture.c - see connection_fixture.h. */
#include "tests/unit/connection_fixture.h"

#include "common/net/resolver.h"
#include "tests/unit/run_delay.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

static void on_state(void *context, bool is_ready, const char *reason)
{
    struct fixture *f = context;
    f->ready += is_ready;
    f->lost += !is_ready;
    if (is_ready)
        assert_null(reason);
    else
        (void)snprintf(f->reason, sizeof f->reason, "%s", reason);
}

void link_start(struct fixture *f, bool is_tcp)
{
    *f = (struct fixture){.base = event_base_new()};
    f->resolver = resolver_new(NULL, NULL);
    resolver_use(f->resolver, f->base);
    fake_redis_start(&f->fake, f->base, is_tcp);
    f->settings = (struct redis_settings){
        .url = {.unix_path = f->fake.path, .port = 6379},
        .resolver = f->resolver,
        .client_name = "test",
        .timeout_ms = TIMEOUT_MS,
        .script = "return 1",
        .pending_max = 100,
        .on_state = on_state,
        .context = f,
    };
}

void link_stop(struct fixture *f)
{
    redis_connection_free(&f->connection);
    resolver_free(&f->resolver);
    fake_redis_stop(&f->fake);
    event_base_free(f->base);
}

void link_turn(struct fixture *f)
{
    static const struct timeval tick = {.tv_usec = 1000};
    (void)event_base_loopexit(f->base, &tick);
    (void)event_base_dispatch(f->base);
}

void link_connect(struct fixture *f)
{
    f->connection = redis_connection_new(f->base, &f->settings);
    assert_int_equal(f->ready, 0);
    UNTIL(f, f->ready == 1);
    assert_true(redis_connection_is_ready(f->connection));
}

void echo_on_reply(struct redis_call *call, const redisReply *reply)
{
    struct echo *echo = call->context;
    echo->answers++;
    echo->is_lost = reply == NULL;
    echo->answered_ms = clock_monotonic_ms();
    echo->delay_ms = run_delay_ms() - echo->delay_ms;
    assert_null(call->slot);
    if (reply != NULL)
        (void)snprintf(echo->answer, sizeof echo->answer, "%s", reply->str);
}

bool echo_send(struct fixture *f, struct echo *echo, const char *text)
{
    *echo = (struct echo){.call = {.on_reply = echo_on_reply, .context = echo}};
    (void)snprintf(echo->text, sizeof echo->text, "%s", text);
    echo->sent_ms = clock_monotonic_ms();
    echo->delay_ms = run_delay_ms();
    const char *argv[] = {"ECHO", echo->text};
    const size_t lens[] = {4, strlen(echo->text)};
    return redis_connection_call(f->connection, &echo->call, 2, argv, lens);
}

void echo_assert(const struct echo *echo)
{
    assert_int_equal(echo->answers, 1);
    assert_false(echo->is_lost);
    assert_string_equal(echo->answer, echo->text);
}

void link_assert_works(struct fixture *f)
{
    struct echo echo;
    assert_true(echo_send(f, &echo, "works"));
    UNTIL(f, echo.answers > 0);
    echo_assert(&echo);
}
