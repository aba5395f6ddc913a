/*
 * test_gate_check.c - what a proxy that comes for itself is told, by a table.
 */
#include "tests/unit/unit.h"

#include "policyd/gate_check.h"

#include <string.h>

static const struct {
    const char *line, *reply;
    bool ends;
} rows[] = {
    {"HELO localhost", "250 tollgate", false},
    {"EHLO localhost", "250 tollgate", false},
    {"ehlo", "250 tollgate", false},
    {"NOOP", "250 2.0.0 Ok", false},
    {"RSET", "250 2.0.0 Ok", false},
    {"QUIT", "221 2.0.0 Bye", true},
    {"quit now", "221 2.0.0 Bye", true},
    {"", "421 4.7.0 Error: the proxy names no client", true},
    {"QUI", "421 4.7.0 Error: the proxy names no client", true},
    {"QUITE", "421 4.7.0 Error: the proxy names no client", true},
    {"MAIL FROM:<>", "421 4.7.0 Error: the proxy names no client", true},
    {"STARTTLS", "421 4.7.0 Error: the proxy names no client", true},
    {"XCLIENT ADDR=192.0.2.1", "421 4.7.0 Error: the proxy names no client",
        true},
};

TEST(rows)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool ends = !rows[i].ends;
        assert_string_equal(
            gate_check_reply(rows[i].line, strlen(rows[i].line), &ends),
            rows[i].reply);
        assert_int_equal(ends, rows[i].ends);
    }
}

/* What follows in the buffer is another line. */
TEST(no_byte_behind_the_line_is_read)
{
    bool ends;

    assert_string_equal(gate_check_reply("NOOPER", 4, &ends), "250 2.0.0 Ok");
    assert_string_equal(gate_check_reply("QUIT", 3, &ends),
        "421 4.7.0 Error: the proxy names no client");
}

RUN_TESTS(NULL, NULL)
