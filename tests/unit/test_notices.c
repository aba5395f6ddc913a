/*
 * test_notices.c - from a refusal to the helper: what is told, how often, and
 * what becomes of it when the store or the helper is away.
 */
#include "tests/unit/engine_bench.h"

#include "common/base/clock.h"
#include "common/engine/notice_helper.h"
#include "common/engine/notice_table.h"
#include "common/engine/notices.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char limits[] =
    "limit \"user\" { event = \"message\" key = { \"sasl_username\" }\n"
    "  rate = \"5/1h\" notify = { \"/bin/true\", \"%{sasl_username}\" } }\n";
static const char shadows[] =
    "limit \"user\" { event = \"message\" key = { \"sasl_username\" }\n"
    "  rate = \"5/1h\" shadow = true notify = { \"/bin/true\" } }\n";
static const char silent[] =
    "limit \"user\" { event = \"message\" key = { \"sasl_username\" }\n"
    "  rate = \"5/1h\" }\n";

struct scene {
    struct bench bench;
    struct event_base *base;
    struct notices *notices;
    int helper, daemons; /* ends of the helper's socket */
    uint32_t replies;    /* to our requests, so far */
};

static void begin(struct scene *scene, const char *text)
{
    int pair[2];

    *scene = (struct scene){.base = event_base_new()};
    bench_open(&scene->bench, text);
    assert_int_equal(
        socketpair(
            AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
        0);
    scene->helper = pair[1];
    scene->daemons = pair[0];
    scene->notices = notices_new(
        scene->base, NULL, engine_metrics(scene->bench.engine), pair[0]);
    engine_use_notices(scene->bench.engine, scene->notices);
    fake_store.refuses[0] = true;
    fake_store.used[0] = 5;
    fake_store.retry_ms[0] = 60000;
}

static void end(struct scene *scene)
{
    notices_free(&scene->notices);
    close(scene->helper);
    bench_close(&scene->bench);
    event_base_free(scene->base);
}

static struct event message_of(const char *login)
{
    struct event event = bench_event(FACE_POLICY, "198.51.100.7");

    event.amount[EVENT_MESSAGE] = 1;
    event.sasl_username = login;
    return event;
}

static void decide(struct scene *scene, const char *login)
{
    bench_decide(&scene->bench, message_of(login));
    while (event_base_loop(scene->base, EVLOOP_NONBLOCK) == 0 &&
           fake_store.tells == 0 &&
           event_base_get_num_events(scene->base, EVENT_BASE_COUNT_ACTIVE) > 0)
        continue;
    event_base_loop(scene->base, EVLOOP_NONBLOCK);
}

static bool take(struct scene *scene, struct notice_request *request)
{
    return recv(scene->helper, request, sizeof *request, 0) ==
           (ssize_t)sizeof *request;
}

/* Turns the loop until the helper has been asked. */
static void await(struct scene *scene, struct notice_request *request)
{
    while (!take(scene, request))
        event_base_loop(scene->base, EVLOOP_ONCE);
}

static void reply(struct scene *scene, const char *problem)
{
    struct notice_reply answer = {
        .owner = getpid(), .serial = ++scene->replies};

    (void)snprintf(answer.problem, sizeof answer.problem, "%s", problem);
    assert_int_equal(
        send(scene->helper, &answer, sizeof answer, 0), sizeof answer);
    event_base_loop(scene->base, EVLOOP_ONCE);
}

static void reply_to(struct scene *scene, pid_t owner, uint32_t serial)
{
    const struct notice_reply answer = {.owner = owner, .serial = serial};

    assert_int_equal(
        send(scene->helper, &answer, sizeof answer, 0), sizeof answer);
}

static uint64_t counted(struct scene *scene, enum notices_result result)
{
    return engine_metrics(scene->bench.engine)->notices[result];
}

TEST(a_refusal_is_told_once)
{
    struct scene scene;
    struct notice_request request;

    begin(&scene, limits);
    decide(&scene, "Bob@example.com");
    await(&scene, &request);
    const struct notice *notice = &request.notice;
    assert_int_equal(notice->kind, NOTICE_REFUSED);
    assert_int_equal(notice->count, 1);
    assert_int_equal(notice->used, 5);
    assert_int_equal(notice->allowed, 5);
    assert_int_equal(notice->window_ms, 3600000);
    assert_int_equal(notice->every_ms, 3600000);
    assert_int_equal(notice->until_s, notice->at_s + 60);
    assert_string_equal(notice->limit, "user");
    assert_string_equal(notice->key, "sasl:Bob@example.com");
    assert_string_equal(notice->client, "198.51.100.7");
    assert_string_equal(notice->login, "Bob@example.com");
    reply(&scene, "");
    assert_int_equal(counted(&scene, NOTICES_SENT), 1);
    for (unsigned i = 0; i < 10; i++)
        decide(&scene, "bob@example.com");
    assert_false(take(&scene, &request));
    assert_int_equal(fake_store.tells, 1);
    end(&scene);
}

/* During a hand-over another daemon reads from the same socket. */
TEST(another_daemons_reply_is_left_for_it)
{
    struct scene scene;
    struct notice_request request;
    struct notice_reply other;

    begin(&scene, limits);
    decide(&scene, "bob");
    await(&scene, &request);
    reply_to(&scene, 1, 7);
    unsigned turns = 0;
    for (uint64_t end_ms = clock_monotonic_ms() + 500;
         clock_monotonic_ms() < end_ms; turns++)
        event_base_loop(scene.base, EVLOOP_ONCE);
    assert_true(turns <= 20); /* it waits meanwhile */
    assert_int_equal(
        recv(scene.daemons, &other, sizeof other, MSG_DONTWAIT), sizeof other);
    assert_int_equal(other.serial, 7);
    reply_to(&scene, getpid(), request.serial);
    while (counted(&scene, NOTICES_SENT) == 0)
        event_base_loop(scene.base, EVLOOP_ONCE);
    assert_int_equal(counted(&scene, NOTICES_FAILED), 0);
    end(&scene);
}

/* Of a daemon that is gone, and of a request that we have given up. */
TEST(a_reply_of_nobody_is_thrown_away)
{
    struct scene scene;
    struct notice_request request;

    begin(&scene, limits);
    decide(&scene, "bob");
    await(&scene, &request);
    reply_to(&scene, getpid(), request.serial - 1);
    reply_to(&scene, 1, 7);
    reply_to(&scene, getpid(), request.serial);
    while (counted(&scene, NOTICES_SENT) == 0)
        event_base_loop(scene.base, EVLOOP_ONCE);
    assert_int_equal(counted(&scene, NOTICES_FAILED), 0);
    end(&scene);
}

/* Another key is another one's; not more than one message a second. */
TEST(each_key)
{
    struct scene scene;
    struct notice_request request;

    begin(&scene, limits);
    decide(&scene, "alice");
    decide(&scene, "bob");
    await(&scene, &request);
    assert_string_equal(request.notice.key, "sasl:alice");
    assert_false(take(&scene, &request));
    uint64_t told_us = clock_monotonic_us();
    reply(&scene, "");
    await(&scene, &request);
    assert_string_equal(request.notice.key, "sasl:bob");
    assert_true(clock_monotonic_us() - told_us > 900000);
    end(&scene);
}

TEST(others_have_told)
{
    struct scene scene;
    struct notice_request request;

    begin(&scene, limits);
    fake_store.wait_ms = 1800000;
    decide(&scene, "bob");
    event_base_loop(scene.base, EVLOOP_NONBLOCK);
    assert_int_equal(fake_store.tells, 1);
    assert_memory_equal(fake_store.told_key, "tell:", 5);
    assert_int_equal(strlen(fake_store.told_key), 5 + 32);
    assert_false(take(&scene, &request));
    end(&scene);
}

/* Who has not heard that it was told tells, once. */
TEST(without_the_store)
{
    struct scene scene;
    struct notice_request request;

    begin(&scene, limits);
    decide(&scene, "alice");
    await(&scene, &request);
    reply(&scene, "");
    fake_store.status = STORE_UNAVAILABLE;
    fake_store.is_full_here = true;
    for (unsigned i = 0; i < 3; i++)
        decide(&scene, "alice");
    decide(&scene, "bob");
    await(&scene, &request);
    assert_string_equal(request.notice.key, "sasl:bob");
    reply(&scene, "");
    decide(&scene, "bob");
    event_base_loop(scene.base, EVLOOP_NONBLOCK);
    assert_false(take(&scene, &request));
    end(&scene);
}

/* Of a shadow it is said; of who is not acted on, nothing. */
TEST(what_is_told)
{
    struct scene scene;
    struct notice_request request;

    begin(&scene, shadows);
    decide(&scene, "bob");
    await(&scene, &request);
    assert_int_equal(request.notice.kind, NOTICE_WOULD_REFUSE);
    end(&scene);

    begin(&scene, silent);
    decide(&scene, "bob");
    assert_int_equal(fake_store.tells, 0);
    end(&scene);

    begin(&scene, limits);
    struct event dry = message_of("bob");
    dry.is_dry = dry.peek = true;
    bench_decide(&scene.bench, dry);
    event_base_loop(scene.base, EVLOOP_NONBLOCK);
    assert_int_equal(fake_store.tells, 0);
    fake_store.refuses[0] = false;
    decide(&scene, "bob");
    assert_int_equal(fake_store.tells, 0);
    end(&scene);
}

static const char warns[] =
    "limit \"user\" { event = \"message\" key = { \"sasl_username\" }\n"
    "  rate = \"10/1h\" notify_at = \"75%\" notify = { \"/bin/true\" } }\n";

TEST(warnings)
{
    struct scene scene;
    struct notice_request request;

    begin(&scene, warns);
    fake_store.refuses[0] = false;
    fake_store.used[0] = 7;
    decide(&scene, "bob");
    assert_int_equal(fake_store.tells, 0);
    fake_store.used[0] = 8;
    struct event peek = message_of("bob");
    peek.peek = true;
    bench_decide(&scene.bench, peek);
    event_base_loop(scene.base, EVLOOP_NONBLOCK);
    assert_int_equal(fake_store.tells, 0);
    decide(&scene, "bob");
    await(&scene, &request);
    assert_int_equal(request.notice.kind, NOTICE_WARNED);
    assert_int_equal(request.notice.used, 8);
    assert_int_equal(request.notice.allowed, 10);
    assert_int_equal(request.notice.until_s, 0);
    reply(&scene, "");
    /* A refusal is another piece of news, and no warning. */
    fake_store.refuses[0] = true;
    fake_store.used[0] = 10;
    decide(&scene, "bob");
    await(&scene, &request);
    assert_int_equal(request.notice.kind, NOTICE_REFUSED);
    assert_int_equal(fake_store.tells, 2);
    end(&scene);
}

/* What failed is not forgotten. */
TEST(failures)
{
    struct scene scene;
    struct notice_request request;

    begin(&scene, limits);
    decide(&scene, "bob");
    await(&scene, &request);
    reply(&scene, "/bin/true: exit status 1");
    assert_int_equal(counted(&scene, NOTICES_FAILED), 1);
    decide(&scene, "alice");
    await(&scene, &request);
    assert_string_equal(request.notice.key, "sasl:alice");
    /* The helper ends. */
    shutdown(scene.helper, SHUT_RDWR);
    event_base_loop(scene.base, EVLOOP_ONCE);
    assert_int_equal(counted(&scene, NOTICES_FAILED), 2);
    end(&scene);
}

TEST(more_keys_than_room)
{
    struct scene scene;
    char login[32];

    begin(&scene, limits);
    for (unsigned i = 0; i < NOTICE_ENTRIES_MAX + 3; i++) {
        (void)snprintf(login, sizeof login, "user%u", i);
        bench_decide(&scene.bench, message_of(login));
    }
    assert_int_equal(counted(&scene, NOTICES_DROPPED), 3);
    end(&scene);
}

RUN_TESTS(NULL, NULL)
