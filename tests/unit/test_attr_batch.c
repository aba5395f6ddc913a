/*
 * test_attr_batch.c - several connections that ask in the same moment: in
 * which order they are read, decided and answered, and what becomes of those
 * that go away while they wait for their turn.
 */
#include "policyd/attr_batch.h"
#include "policyd/attr_connection.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUND 16
#define CROWD 40 /* fills two rounds and begins a third */

struct member {
    struct majority *crowd;
    struct attr_connection *connection;
    int peer; /* Postfix's end */
    unsigned read, decided;
    bool is_slow;   /* does not answer at once */
    bool ends_next; /* when it is decided */
    bool is_malformed;
};

struct majority {
    struct event_base *base;
    struct attr_batch *batch;
    struct member members[CROWD];
    unsigned read, most_read_ahead, decided;
    bool has_answered_early;
};

static const char *on_attribute(void *context, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    return NULL;
}

static void on_read(void *context)
{
    struct member *member = context;
    struct majority *crowd = member->crowd;

    member->read++;
    crowd->read++;
    if (crowd->read - crowd->decided > crowd->most_read_ahead)
        crowd->most_read_ahead = crowd->read - crowd->decided;
}

static bool has_answer(const struct member *member)
{
    char byte;

    return recv(member->peer, &byte, 1, MSG_PEEK) == 1;
}

static const char *on_request(void *context)
{
    struct member *member = context, *next = member + 1;

    member->decided++;
    member->crowd->decided++;
    if (has_answer(member->crowd->members))
        member->crowd->has_answered_early = true;
    if (!member->is_slow)
        attr_connection_reply(member->connection, "ok\n\n", 4);
    if (member->ends_next)
        attr_connection_free(&next->connection);
    return NULL;
}

static void on_malformed(void *context)
{
    struct member *member = context;

    member->is_malformed = true;
}

static void on_close(void *context)
{
    struct member *member = context;

    member->connection = NULL;
}

static const struct attr_events events = {
    .face = "test",
    .on_attribute = on_attribute,
    .on_read = on_read,
    .on_request = on_request,
    .on_malformed = on_malformed,
    .on_close = on_close,
};

static void member_join(struct member *member, struct majority *crowd)
{
    int pair[2];

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    member->crowd = crowd;
    member->peer = pair[1];
    member->connection =
        attr_connection_new(crowd->batch, pair[0], &events, member);
}

static int setup(void **state)
{
    struct majority *crowd = calloc(1, sizeof *crowd);

    crowd->base = event_base_new();
    crowd->batch = attr_batch_new(crowd->base);
    for (size_t i = 0; i < CROWD; i++)
        member_join(&crowd->members[i], crowd);
    *state = crowd;
    return 0;
}

static int teardown(void **state)
{
    struct majority *crowd = *state;

    for (size_t i = 0; i < CROWD; i++) {
        attr_connection_free(&crowd->members[i].connection);
        close(crowd->members[i].peer);
    }
    attr_batch_free(&crowd->batch);
    event_base_free(crowd->base);
    free(crowd);
    return 0;
}

/* The first `count` of them. Two looks: libevent's first takes 32 at most. */
static void ask(struct majority *crowd, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(write(crowd->members[i].peer, "a=1\n\n", 5), 5);
    event_base_loop(crowd->base, EVLOOP_NONBLOCK);
    event_base_loop(crowd->base, EVLOOP_NONBLOCK);
}

static void expect(const struct member *member, const char *expected)
{
    char got[16] = "";
    ssize_t len = recv(member->peer, got, sizeof got - 1, 0);

    assert_true(len >= 0 || errno == EAGAIN);
    assert_string_equal(got, expected);
}

TEST_WITH(setup, teardown, answers_all_who_ask_at_once)
{
    struct majority *crowd = *state;

    for (unsigned time = 1; time <= 3; time++) {
        ask(crowd, CROWD);
        for (size_t i = 0; i < CROWD; i++) {
            assert_int_equal(crowd->members[i].decided, time);
            expect(&crowd->members[i], "ok\n\n");
        }
    }
}

TEST_WITH(setup, teardown, reads_all_then_decides_then_answers)
{
    struct majority *crowd = *state;

    ask(crowd, 5);
    assert_int_equal(crowd->most_read_ahead, 5);
    assert_false(crowd->has_answered_early);
    assert_int_equal(crowd->decided, 5);
}

TEST_WITH(setup, teardown, keeps_nobody_waiting_for_more_than_a_round)
{
    struct majority *crowd = *state;

    ask(crowd, CROWD);
    assert_int_equal(crowd->most_read_ahead, ROUND);
    assert_true(crowd->has_answered_early);
}

/* More than a batch holds, from the loop's point of view all at once. */
TEST_WITH(setup, teardown, answers_all_that_were_decided_elsewhere)
{
    struct majority *crowd = *state;

    for (size_t i = 0; i < CROWD; i++)
        crowd->members[i].is_slow = true;
    ask(crowd, CROWD);
    for (size_t i = 0; i < CROWD; i++)
        attr_connection_reply(crowd->members[i].connection, "late\n\n", 6);
    event_base_loop(crowd->base, EVLOOP_NONBLOCK);
    for (size_t i = 0; i < CROWD; i++)
        expect(&crowd->members[i], "late\n\n");
}

TEST_WITH(setup, teardown, forgets_who_goes_away_before_its_turn)
{
    struct majority *crowd = *state;

    crowd->members[0].ends_next = true;
    ask(crowd, 3);
    assert_int_equal(crowd->members[1].read, 1);
    assert_int_equal(crowd->members[1].decided, 0);
    expect(&crowd->members[0], "ok\n\n");
    expect(&crowd->members[1], "");
    expect(&crowd->members[2], "ok\n\n");
}

TEST_WITH(setup, teardown, answers_who_goes_away_after_its_turn)
{
    struct majority *crowd = *state;

    crowd->members[1].is_slow = true;
    ask(crowd, 2);
    attr_connection_reply(crowd->members[1].connection, "late\n\n", 6);
    attr_connection_free(&crowd->members[1].connection);
    event_base_loop(crowd->base, EVLOOP_NONBLOCK);
    expect(&crowd->members[0], "ok\n\n");
    expect(&crowd->members[1], "late\n\n");
    expect(&crowd->members[1], "");
}

static void answer_late(evutil_socket_t fd, short what, void *context)
{
    struct member *member = context;

    attr_connection_reply(member->connection, "late\n\n", 6);
}

/* The next request is there before the answer to the last has been sent. */
TEST_WITH(setup, teardown, ends_who_does_not_wait_for_the_answer)
{
    struct majority *crowd = *state;
    struct member *member = &crowd->members[0];
    struct event *late = event_new(crowd->base, -1, 0, answer_late, member);

    member->is_slow = true;
    ask(crowd, 1);
    event_active(late, 0, 0);
    ask(crowd, 1);
    event_free(late);
    assert_int_equal(member->decided, 1);
    assert_null(member->connection);
    assert_true(member->is_malformed);
    expect(member, "late\n\n");
}

RUN_TESTS(NULL, NULL)
