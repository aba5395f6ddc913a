/*
 * test_message_memory.c - what is remembered, for how long, and how much.
 */
#include "policyd/message_memory.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS (60u * 60 * 1000)

static int setup(void **state)
{
    *state = message_memory_new();
    return 0;
}

static int teardown(void **state)
{
    struct message_memory *memory = *state;

    message_memory_free(&memory);
    assert_null(memory);
    return 0;
}

static void assert_seen(struct message_memory *memory, const char *instance,
    uint64_t now_ms, bool is_counted, uint32_t recipients)
{
    struct message_seen seen = message_memory_find(
        memory, message_memory_hash(memory, instance), instance, now_ms);

    assert_int_equal(seen.is_counted, is_counted);
    assert_int_equal(seen.recipients, recipients);
}

static void note(struct message_memory *memory, const char *instance,
    uint64_t now_ms, uint32_t recipients)
{
    message_memory_note(memory, message_memory_hash(memory, instance), instance,
        (struct message_seen){.is_counted = true, .recipients = recipients},
        now_ms);
}

TEST_WITH(setup, teardown, remembers_the_last_note)
{
    struct message_memory *memory = *state;

    assert_seen(memory, "1.2.3.0", 5, false, 0);
    note(memory, "1.2.3.0", 5, 1);
    note(memory, "1.2.3.1", 5, 9);
    note(memory, "1.2.3.0", 6, 2);
    assert_seen(memory, "1.2.3.0", 7, true, 2);
    assert_seen(memory, "1.2.3.1", 7, true, 9);
    assert_seen(memory, "1.2.3.", 7, false, 0);
    assert_seen(memory, "", 7, false, 0);
}

TEST_WITH(setup, teardown, forgets_after_an_hour)
{
    struct message_memory *memory = *state;

    note(memory, "1.2.3.0", 1000, 1);
    assert_seen(memory, "1.2.3.0", 1000 + HOUR_MS - 1, true, 1);
    assert_seen(memory, "1.2.3.0", 1000 + HOUR_MS, false, 0);
    note(memory, "1.2.3.0", 1000 + HOUR_MS, 4);
    assert_seen(memory, "1.2.3.0", 1000 + 2 * HOUR_MS - 1, true, 4);
}

static void numbered(char text[MESSAGE_INSTANCE_SIZE], unsigned number)
{
    int len =
        snprintf(text, MESSAGE_INSTANCE_SIZE, "%x.6b00defb.4696b.0", number);

    assert_true(len > 0 && len < MESSAGE_INSTANCE_SIZE);
}

/* Twice round the ring, so that every place is used again. Keys are random:
 * once in a thousand runs a bucket is too small for one message. */
TEST_WITH(setup, teardown, keeps_the_newest)
{
    struct message_memory *memory = *state;
    const unsigned last = 2 * MESSAGE_MEMORY_MAX + 7;
    unsigned forgotten = 0;
    char instance[MESSAGE_INSTANCE_SIZE];

    for (unsigned i = 1; i <= last; i++) {
        numbered(instance, i);
        note(memory, instance, i, i);
    }
    for (unsigned i = 1; i <= last; i++) {
        numbered(instance, i);
        uint32_t hash = message_memory_hash(memory, instance);
        struct message_seen seen =
            message_memory_find(memory, hash, instance, last);
        if (i <= last - MESSAGE_MEMORY_MAX)
            assert_false(seen.is_counted);
        else if (!seen.is_counted)
            forgotten++;
        else
            assert_int_equal(seen.recipients, i);
    }
    assert_true(forgotten <= 1);
}

TEST_WITH(setup, teardown, keeps_nothing_without_a_name)
{
    struct message_memory *memory = *state;
    char text[MESSAGE_INSTANCE_SIZE + 1];

    memset(text, 'x', sizeof text);
    text[MESSAGE_INSTANCE_SIZE] = '\0';
    note(memory, text, 1, 1);
    assert_seen(memory, text, 1, false, 0);
    text[MESSAGE_INSTANCE_SIZE - 1] = '\0';
    note(memory, text, 1, 1);
    assert_seen(memory, text, 1, true, 1);
    note(memory, "", 1, 1);
    assert_seen(memory, "", 1, false, 0);
}

TEST_WITH(setup, teardown, has_a_text_form)
{
    static const struct {
        const char *text;
        bool is_counted;
        uint32_t recipients;
        bool is_exact; /* formats as this text again */
    } cases[] = {
        {"1 17", true, 17, true},
        {"2 17", true, 17, true},
        {"0 3", false, 3, true},
        {"0 0", false, 0, true},
        {"1 4294967295", true, UINT32_MAX, true},
        {"1 0000000017", true, 17, false},
        {"", false, 0, false},
        {"1", false, 0, false},
        {"1 ", false, 0, false},
        {"3 1", false, 0, false},
        {"1 4294967296", false, 0, false},
        {"1 00000000001", false, 0, false},
        {"1 -1", false, 0, false},
        {"1 1 ", false, 0, false},
        {"1\t1", false, 0, false},
        {"1 1x", false, 0, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[MESSAGE_SEEN_TEXT_SIZE];
        struct message_seen seen = message_seen_parse(cases[i].text);
        assert_int_equal(seen.is_counted, cases[i].is_counted);
        assert_int_equal(seen.recipients, cases[i].recipients);
        if (cases[i].is_exact)
            assert_string_equal(message_seen_format(seen, text), cases[i].text);
    }
}

RUN_TESTS(NULL, NULL)
