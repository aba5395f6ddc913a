/*
 * test_resolver.c - the daemon's side of the resolver, whose process is played
 * here: resolver_serve below is linked in the place of resolver_child.c's.
 */
#include "common/net/resolver.h"
#include "tests/unit/unit.h"

#include "common/base/log.h"

#include <event2/event.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct event_base *base;
static struct resolver *resolver;

/* What a call was told. */
struct told {
    struct resolver_call call;
    size_t addresses, ends;
    char full[RESOLVER_NAME_SIZE];
    int status[RESOLVER_FAMILIES];
};

static void say(int fd, struct resolver_reply *reply, size_t len)
{
    if (send(fd, reply, len, MSG_NOSIGNAL) != (ssize_t)len)
        _exit(1);
}

static void say_address(
    int fd, const struct resolver_question *question, const char *full)
{
    struct resolver_reply reply = {.number = question->number,
        .kind = RESOLVER_ADDRESSES,
        .count = 1,
        .addresses = {{.family = ADDRESS_IPV4, .bytes = {192, 0, 2, 1}}}};

    snprintf(reply.full, sizeof reply.full, "%s", full);
    say(fd, &reply, RESOLVER_REPLY_SIZE(1));
}

static void say_end(int fd, const struct resolver_question *question)
{
    struct resolver_reply reply = {.number = question->number,
        .kind = RESOLVER_END,
        .status = {0, EAI_NODATA}};

    say(fd, &reply, RESOLVER_REPLY_SIZE(0));
}

/* Replies that no sound process sends: each ends this one's life. */
static void say_nonsense(int fd, const char *name)
{
    struct resolver_reply reply = {.number = 1, .kind = RESOLVER_ADDRESSES};
    size_t len = RESOLVER_REPLY_SIZE(0);

    if (strcmp(name, "short.") == 0)
        len = 3;
    else if (strcmp(name, "cut.") == 0)
        reply.count = 1;
    else if (strcmp(name, "many.") == 0)
        reply.count = RESOLVER_ADDRESSES_MAX + 1;
    else if (strcmp(name, "family.") == 0)
        reply.family = RESOLVER_FAMILIES;
    else if (strcmp(name, "endless.") == 0)
        memset(reply.full, 'a', sizeof reply.full);
    say(fd, &reply, len);
    (void)pause();
}

static void answer(int fd, const struct resolver_question *question)
{
    static struct resolver_question held;
    const char *name = question->name;

    if (strcmp(name, "held") == 0 && held.number == 0) {
        held = *question;
        return;
    }
    if (strcmp(name, "exit.") == 0)
        _exit(0);
    if (strcmp(name, "quiet.") == 0)
        return;
    if (strchr(name, '.') != NULL)
        say_nonsense(fd, name);
    /* Without a dot: what is known of it decides what answers. */
    say_address(fd, question,
        question->full[0] == '\0' ? "first.test." : question->full);
    say_end(fd, question);
    if (held.number != 0) {
        say_address(fd, &held, "second.test.");
        say_end(fd, &held);
        held.number = 0;
    }
}

void resolver_serve(int fd)
{
    struct resolver_identity identity;
    struct resolver_question question;

    if (recv(fd, &identity, sizeof identity, 0) != (ssize_t)sizeof identity ||
        identity.uid != getuid())
        _exit(1);
    while (recv(fd, &question, sizeof question, 0) == (ssize_t)sizeof question)
        answer(fd, &question);
    _exit(0);
}

static void on_addresses(
    struct resolver_call *call, const struct resolver_reply *reply)
{
    struct told *told = call->context;

    told->addresses += reply->count;
    snprintf(told->full, sizeof told->full, "%s", reply->full);
}

static void on_end(struct resolver_call *call, const struct resolver_reply *end)
{
    struct told *told = call->context;

    told->ends++;
    memcpy(told->status, end->status, sizeof told->status);
    event_base_loopbreak(base);
}

static bool ask(struct told *told, const char *name)
{
    *told = (struct told){.call = {.name = name,
                              .on_addresses = on_addresses,
                              .on_end = on_end,
                              .context = told}};
    return resolver_ask(resolver, &told->call);
}

static void turn_until_end(const struct told *told)
{
    while (told->ends == 0)
        event_base_loop(base, EVLOOP_ONCE);
}

/* A new one is there when it takes a question again. */
static void turn_until_replaced(void)
{
    struct told told;

    while (!ask(&told, "again"))
        event_base_loop(base, EVLOOP_ONCE);
    turn_until_end(&told);
    assert_int_equal(told.status[RESOLVER_IPV4], 0);
}

static int set_up(void **state);
static int tear_down(void **state);

TEST_WITH(set_up, tear_down, an_answer)
{
    struct told told;

    assert_true(ask(&told, "traefik"));
    assert_int_equal(told.ends, 0);
    turn_until_end(&told);
    assert_int_equal(told.addresses, 1);
    assert_string_equal(told.full, "first.test.");
    assert_int_equal(told.status[RESOLVER_IPV4], 0);
    assert_true(resolver_is_none(told.status[RESOLVER_IPV6]));
    /* The call may be used again; the name that answered is sent with it. */
    assert_true(resolver_ask(resolver, &told.call));
    told.ends = 0;
    turn_until_end(&told);
    assert_string_equal(told.full, "first.test.");
}

TEST_WITH(set_up, tear_down, a_successor_is_told)
{
    struct told told;

    resolver_remember(resolver, NULL);
    resolver_remember(resolver, "one a.test. two b.test. three");
    assert_true(ask(&told, "two"));
    turn_until_end(&told);
    assert_string_equal(told.full, "b.test.");
    assert_true(ask(&told, "four"));
    turn_until_end(&told);
    char *text = resolver_remembered(resolver);
    assert_string_equal(text, "one a.test. two b.test. four first.test.");
    free(text);
}

/* The first question has not heard what the second has found; what it finds
 * by itself does not count. */
TEST_WITH(set_up, tear_down, two_questions_cannot_disagree)
{
    struct told slow, quick;

    assert_true(ask(&slow, "held"));
    assert_true(ask(&quick, "held"));
    turn_until_end(&slow);
    assert_string_equal(quick.full, "first.test.");
    assert_int_equal(slow.addresses, 0);
    assert_int_equal(slow.status[RESOLVER_IPV4], RESOLVER_MOVED);
}

TEST_WITH(set_up, tear_down, a_cancelled_call_hears_nothing)
{
    struct told cancelled, told;

    assert_true(ask(&cancelled, "one"));
    resolver_cancel(&cancelled.call);
    resolver_cancel(&cancelled.call);
    assert_true(ask(&told, "two"));
    turn_until_end(&told);
    assert_int_equal(cancelled.addresses + cancelled.ends, 0);
}

TEST_WITH(set_up, tear_down, questions_are_bounded)
{
    static struct told told[RESOLVER_QUESTIONS_MAX];
    struct told more;

    for (size_t i = 0; i < RESOLVER_QUESTIONS_MAX; i++)
        assert_true(ask(&told[i], "quiet."));
    assert_false(ask(&more, "more"));
    resolver_cancel(&told[7].call);
    assert_true(ask(&more, "more"));
    turn_until_end(&more);
    for (size_t i = 0; i < RESOLVER_QUESTIONS_MAX; i++)
        resolver_cancel(&told[i].call);
}

TEST_WITH(set_up, tear_down, a_name_may_be_too_long)
{
    char name[RESOLVER_NAME_SIZE];
    struct told told;

    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_false(ask(&told, name));
    name[sizeof name - 2] = '\0';
    assert_true(ask(&told, name));
    turn_until_end(&told);
}

/* Whatever the process does: those who ask are told, and it is replaced. */
TEST_WITH(set_up, tear_down, a_process_that_fails_is_replaced)
{
    static const char *const names[] = {
        "exit.", "short.", "cut.", "many.", "family.", "endless."};

    for (size_t i = 0; i < COUNT(names); i++) {
        struct told told, waiting, refused;
        assert_true(ask(&waiting, "quiet."));
        assert_true(ask(&told, names[i]));
        turn_until_end(&told);
        assert_int_equal(told.addresses, 0);
        assert_int_equal(told.status[RESOLVER_IPV6], RESOLVER_DIED);
        assert_int_equal(waiting.ends, 1);
        assert_false(ask(&refused, "meanwhile"));
        turn_until_replaced();
    }
}

TEST_WITH(set_up, tear_down, every_status_has_a_text)
{
    static const int all[] = {RESOLVER_LATE, RESOLVER_DIED, RESOLVER_BUSY,
        RESOLVER_TOO_MANY, RESOLVER_MOVED, EAI_AGAIN, EAI_NONAME, EAI_NODATA};

    for (size_t i = 0; i < COUNT(all); i++)
        for (size_t j = i + 1; j < COUNT(all); j++)
            if (!resolver_is_none(all[i]) || !resolver_is_none(all[j]))
                assert_string_not_equal(
                    resolver_why(all[i]), resolver_why(all[j]));
}

static int set_up(void **state)
{
    struct error err;

    log_open("file:/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, "test", &err);
    base = event_base_new();
    resolver = resolver_new(NULL, NULL);
    resolver_use(resolver, base);
    return 0;
}

static int tear_down(void **state)
{
    resolver_free(&resolver);
    event_base_free(base);
    return 0;
}

RUN_TESTS(NULL, NULL)
