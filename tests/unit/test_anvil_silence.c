/*
 * test_anvil_silence.c - when it is certain that smtpd asks no more, and all
 * that looks like it and is not.
 */
#include "tests/unit/unit.h"

#include "policyd/anvil_silence.h"

#include <stdio.h>
#include <string.h>

static struct anvil_silence silence;
static uint64_t now_ms;

static int set_up(void **state)
{
    anvil_silence_init(&silence);
    now_ms = 1000;
    return 0;
}

static void note(
    const char *client, const char *port, enum anvil_acquaintance acquaintance)
{
    struct policy_request request = {.server_address = "192.0.2.25"};

    snprintf(
        request.client_address, sizeof request.client_address, "%s", client);
    snprintf(request.server_port, sizeof request.server_port, "%s", port);
    anvil_silence_note(&silence, &request, acquaintance, now_ms);
}

static const char *text(void)
{
    static char text[ANVIL_SILENCE_TEXT];

    return anvil_silence_text(&silence, now_ms, text);
}

/* Half a minute of recipients. */
static void miss(const char *client, const char *port)
{
    for (int i = 0; i < 30; i++) {
        now_ms += 1000;
        note(client, port, ANVIL_STRANGER);
    }
}

TEST_WITH(set_up, NULL, certain)
{
    note("198.51.100.7", "25", ANVIL_CONNECTED);
    assert_null(text());
    for (int second = 0; second < 10; second++) {
        note("198.51.100.7", "25", ANVIL_STRANGER);
        assert_null(text());
        now_ms += 1000;
    }
    note("198.51.100.7", "25", ANVIL_STRANGER);
    assert_non_null(strstr(text(), "at port 25:"));
    assert_int_equal(silence.total, 11);
    /* It stays so for ten minutes in which nothing comes, and is certain again
     * with the next recipient. */
    now_ms += ANVIL_SILENCE_STALE_MS - 1;
    assert_non_null(text());
    now_ms++;
    assert_null(text());
    note("198.51.100.7", "25", ANVIL_STRANGER);
    assert_non_null(text());
    /* It ends with a question. */
    anvil_silence_end(&silence);
    assert_null(text());
    note("198.51.100.7", "25", ANVIL_STRANGER);
    assert_null(text());
    assert_int_equal(silence.total, 13);
}

/* Of one moment: a helper that answered by itself while policyd was late. */
TEST_WITH(set_up, NULL, a_moment_says_nothing)
{
    note("198.51.100.7", "25", ANVIL_CONNECTED);
    for (int i = 0; i < 1000; i++)
        note("198.51.100.7", "25", ANVIL_STRANGER);
    now_ms += 60000;
    assert_null(text());
}

TEST_WITH(set_up, NULL, two_say_nothing)
{
    note("198.51.100.7", "25", ANVIL_CONNECTED);
    note("198.51.100.7", "25", ANVIL_STRANGER);
    now_ms += 60000;
    note("198.51.100.7", "25", ANVIL_STRANGER);
    assert_null(text());
}

/* Exempt clients, smtpds without limits, policy clients that are no smtpd. */
TEST_WITH(set_up, NULL, never_asked_about)
{
    miss("198.51.100.7", "25");
    assert_null(text());
    /* Another client, another port. */
    note("198.51.100.7", "25", ANVIL_CONNECTED);
    miss("198.51.100.8", "25");
    miss("198.51.100.7", "587");
    assert_null(text());
    assert_int_equal(silence.total, 0);
}

/* An smtpd that has a connection has not gone elsewhere. */
TEST_WITH(set_up, NULL, known)
{
    note("198.51.100.7", "25", ANVIL_CONNECTED);
    for (int i = 0; i < 30; i++) {
        now_ms += 1000;
        note("198.51.100.7", "25", ANVIL_KNOWN);
    }
    assert_null(text());
    assert_int_equal(silence.total, 0);
}

TEST_WITH(set_up, NULL, a_question_in_between)
{
    note("198.51.100.7", "25", ANVIL_CONNECTED);
    for (int i = 0; i < 10; i++) {
        miss("198.51.100.7", "25");
        assert_non_null(text());
        anvil_silence_end(&silence);
        assert_null(text());
    }
}

/* However many clients come, none is taken for another. */
TEST_WITH(set_up, NULL, many_clients)
{
    char client[32];

    for (int i = 0; i < 20000; i++) {
        snprintf(client, sizeof client, "10.1.%d.%d", i / 250, i % 250);
        note(client, "25", ANVIL_CONNECTED);
    }
    for (int i = 0; i < 20000; i++) {
        snprintf(client, sizeof client, "10.2.%d.%d", i / 250, i % 250);
        note(client, "25", ANVIL_STRANGER);
    }
    assert_int_equal(silence.total, 0);
    for (int i = 0; i < 20000; i++) {
        snprintf(client, sizeof client, "10.1.%d.%d", i / 250, i % 250);
        note(client, "25", ANVIL_STRANGER);
    }
    assert_true(silence.total > ANVIL_SILENCE_CLIENTS / 2);
}

RUN_TESTS(NULL, NULL)
