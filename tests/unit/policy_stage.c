/*
 * policy_stage.c - see policy_stage.h.
 */
#include "tests/unit/policy_stage.h"

#include "tests/unit/fake_engine.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Any address will do: the fake only counts calls. */
static struct anvil_sessions *const anvil =
    (struct anvil_sessions *)&fake_engine;

int policy_stage_connect(struct policy_stage *f)
{
    int pair[2];

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    policy_sessions_add(f->sessions, pair[0]);
    return pair[1];
}

int policy_stage_setup(void **state)
{
    static struct policy_stage fixture;

    fake_engine_reset(event_base_new());
    fixture.sessions = policy_sessions_new(NULL, anvil);
    fixture.peer = policy_stage_connect(&fixture);
    *state = &fixture;
    return 0;
}

int policy_stage_teardown(void **state)
{
    struct policy_stage *f = *state;

    policy_sessions_free(&f->sessions);
    assert_null(f->sessions);
    assert_int_equal(fake_engine.metrics.connections[FACE_POLICY], 0);
    close(f->peer);
    event_base_free(fake_engine.base);
    return 0;
}

void policy_stage_run(void)
{
    event_base_loop(fake_engine.base, EVLOOP_NONBLOCK);
}

void policy_stage_ask(int peer, const char *text)
{
    size_t len = strlen(text);

    assert_int_equal(send(peer, text, len, MSG_NOSIGNAL), len);
    policy_stage_run();
}

void policy_stage_expect(int peer, const char *expected)
{
    char got[VERDICT_ACTION_SIZE + 16] = "EOF";

    policy_stage_run();
    ssize_t len = recv(peer, got, sizeof got - 1, 0);
    if (len > 0)
        got[len] = '\0';
    else if (len == -1 && errno == EAGAIN)
        got[0] = '\0';
    assert_string_equal(got, expected);
}

void policy_stage_asked(unsigned decisions, uint32_t messages,
    uint32_t recipients, uint32_t bytes, uint32_t of)
{
    const struct event *event = &fake_engine.last;

    assert_int_equal(fake_engine.decisions, decisions);
    assert_int_equal(event->amount[EVENT_MESSAGE], messages);
    assert_int_equal(event->amount[EVENT_RECIPIENT], recipients);
    assert_int_equal(event->amount[EVENT_BYTES], bytes);
    assert_int_equal(event->message_recipients, of);
}
