/*
 * test_mailbox.c - one form for all spellings of a mailbox.
 */
#include "tests/unit/unit.h"

#include "common/core/mailbox.h"

#include <string.h>

static const struct {
    const char *text, *delimiters, *canonical;
} rows[] = {
    {"", NULL, ""},
    {"bob@example.com", NULL, "bob@example.com"},
    {"Bob@Example.COM", "", "Bob@Example.COM"},
    {"bob@example.com.", NULL, "bob@example.com"},
    {"bob@example.com...", NULL, "bob@example.com"},
    {"\"bob\"@example.com", NULL, "bob@example.com"},
    {"\"b\\ob\"@example.com", NULL, "bob@example.com"},
    {"b\\ob@example.com", NULL, "bob@example.com"},
    {"bob@example.com(x1)", NULL, "bob@example.com"},
    {"(a(b)\\)c)bob(d)@(e)example.com(f", NULL, "bob@example.com"},
    {" bob @ example.com ", NULL, "bob@example.com"},
    {"b\tob@exa mple.com", NULL, "bob@example.com"},
    {"<bob@example.com>", NULL, "bob@example.com"},
    {"Bob Jones <bob@example.com> junk", NULL, "bob@example.com"},
    {"@relay:bob@example.com", NULL, "bob@example.com"},
    {"<@relay,@other:bob@example.com.>", NULL, "bob@example.com"},
    {"(x)@relay:bob@example.com", NULL, "bob@example.com"},
    {"bob%example.com", NULL, "bob@example.com"},
    {"example.com!bob", NULL, "bob@example.com"},
    {"bob%example.com@example.com", NULL, "bob@example.com"},
    {"bob%example.com%EXAMPLE.com@example.com", NULL, "bob@example.com"},
    {"bob%other.example@example.com", NULL, "bob%other.example@example.com"},
    {"%example.com", NULL, "%example.com"},
    {"bob%", NULL, "bob%"},
    {"!bob", NULL, "!bob"},
    {"bob@[IPv6:2001:db8::1]", NULL, "bob@[IPv6:2001:db8::1]"},
    {"bob@[192.0.2.1].", NULL, "bob@[192.0.2.1]"},
    {"b:ob@example.com", NULL, "b:ob@example.com"},
    {"\"a b\"@example.com", NULL, "a b@example.com"},
    {"\"a@b\"@example.com", NULL, "a@b@example.com"},
    {"z\xc3\xb6z@z\xc3\xbcz.example.", NULL, "z\xc3\xb6z@z\xc3\xbcz.example"},
    /* Nothing is left: the null sender. */
    {"<>", NULL, ""},
    {"(x1)", NULL, ""},
    {"\"\"", NULL, ""},
    {" ", NULL, ""},
    {".", NULL, ""},
    {"@.", NULL, ""},
    /* Bytes that are no address have a form all the same. */
    {"\"bob@example.com", NULL, "bob@example.com"},
    {"bob@example.com\\", NULL, "bob@example.com\\"},
    {"[", NULL, "["},
    {"<<<", NULL, ""},
    {"@@", NULL, "@"},
    {"bob+1@example.com", "", "bob+1@example.com"},
    {"bob+1@example.com", "+", "bob@example.com"},
    {"bob+1+2@example.com.", "+", "bob@example.com"},
    {"bob-1@example.com", "+-", "bob@example.com"},
    {"bob-1+2@example.com", "+-", "bob@example.com"},
    {"\"bob+1\"@example.com", "+", "bob@example.com"},
    {"bob+1", "+", "bob"},
    {"bob@ex+ample.com", "+", "bob@ex+ample.com"},
    {"+bob@example.com", "+", "+bob@example.com"},
    {"owner-list@example.com", "-", "owner-list@example.com"},
    {"list-request@example.com", "-", "list-request@example.com"},
    {"list-request@example.com", "+", "list-request@example.com"},
    {"mailer-daemon@example.com", "-", "mailer-daemon@example.com"},
    {"Double-Bounce@example.com", "-", "Double-Bounce@example.com"},
};

TEST(forms)
{
    char out[MAILBOX_SIZE];

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *form =
            mailbox_canonical(rows[i].text, rows[i].delimiters, out);
        if (strcmp(form, rows[i].canonical) != 0)
            fail_msg("%s: %s", rows[i].text, form);
    }
}

TEST(the_usual_one_is_not_copied)
{
    const char *text = "user.name@mail.example.com";
    char out[MAILBOX_SIZE];

    assert_ptr_equal(mailbox_canonical(text, NULL, out), text);
    assert_ptr_equal(mailbox_canonical(text, "+", out), text);
    assert_ptr_equal(mailbox_without_dot(text, out), text);
    assert_string_equal(mailbox_without_dot("mx.example.", out), "mx.example");
    assert_string_equal(mailbox_without_dot("..", out), "..");
}

/* Any byte at any place, and more of them than there is room for. */
TEST(never_beyond_the_end)
{
    static const char bytes[] = "\"(\\<>@,%!: .)[]+a";
    char text[2 * MAILBOX_SIZE], out[MAILBOX_SIZE];
    uint32_t seed = 1;

    for (size_t round = 0; round < 20000; round++) {
        size_t len = round % (sizeof text - 1);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = bytes[(seed >> 16) % (sizeof bytes - 1)];
        }
        text[len] = '\0';
        const char *form = mailbox_canonical(text, "+", out);
        if (form == out)
            assert_true(strlen(form) < MAILBOX_SIZE);
    }
}

RUN_TESTS(NULL, NULL)
