/*
 * test_notice.c - what strangers' texts become in arguments, in the
 * environment and in a message.
 */
#include "tests/unit/unit.h"

#include "common/core/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct notice sample(void)
{
    return (struct notice){.kind = NOTICE_REFUSED,
        .count = 3,
        .used = 100,
        .allowed = 100,
        .window_ms = 3600000,
        .every_ms = 7200000,
        .at_s = 1000000000,
        .until_s = 1000000600,
        .limit = "outbound",
        .key = "sasl:bob@example.com",
        .client = "198.51.100.7",
        .login = "bob@example.com"};
}

static const struct {
    const char *argument, *login, *expanded;
} arguments[] = {
    {"-i", "bob", "-i"},
    {"%{sasl_username}", "bob@example.com", "bob@example.com"},
    {"%{sasl_username}", "-oQ/tmp", "_-oQ/tmp"},
    {"%{sasl_username}", "--help", "_--help"},
    {"%{sasl_username}", "@/etc/passwd", "_@/etc/passwd"},
    {"%{sasl_username}", "/dev/null", "_/dev/null"},
    {"%{sasl_username}", "|id", "__id"},
    {"%{sasl_username}", "\xc3\xbc@example.com", "___@example.com"},
    {"%{sasl_username}", "bob,eve@example.net", "bob_eve@example.net"},
    {"%{sasl_username}", "eve!bob", "eve_bob"},
    {"%{sasl_username}", "eve%example.net@a", "eve_example.net@a"},
    {"%{sasl_username}", "a b\r\nBcc: c", "a_b__Bcc:_c"},
    {"%{sasl_username}", "%{client}", "___client_"},
    {"%{sasl_username}", "", "_"},
    {"x-%{sasl_username}-y", "-bob", "x--bob-y"},
    {"%{limit}: %{key}", "bob", "outbound: sasl:bob@example.com"},
    {"%{client}", "bob", "198.51.100.7"},
    {"100%", "bob", "100%"},
};

TEST(arguments)
{
    for (size_t i = 0; i < COUNT(arguments); i++) {
        struct notice notice = sample();
        char out[256];
        (void)snprintf(
            notice.login, sizeof notice.login, "%s", arguments[i].login);
        assert_null(notice_unknown(arguments[i].argument));
        assert_true(
            notice_expand(arguments[i].argument, &notice, out, sizeof out));
        assert_string_equal(out, arguments[i].expanded);
    }
}

/* Whatever byte a login begins with or holds. */
TEST(no_byte_gets_through)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        "@._+-=:/~";
    for (unsigned byte = 1; byte < 256; byte++) {
        struct notice notice = sample();
        char out[64];
        notice.login[0] = notice.login[2] = (char)byte;
        assert_true(
            notice_expand("%{sasl_username}", &notice, out, sizeof out));
        assert_int_equal(strspn(out, allowed), strlen(out));
        assert_null(strchr("-@./+=:~", out[0]));
    }
}

TEST(room)
{
    const struct notice notice = sample();
    char out[8];

    assert_false(notice_expand("%{key}", &notice, out, sizeof out));
    assert_int_equal(strlen(out), 6);
    assert_false(notice_expand("far too long", &notice, out, sizeof out));
    assert_string_equal(out, "far to");
}

TEST(names)
{
    assert_string_equal(notice_unknown("a %{key} %{sender}"), "%{sender}");
    assert_string_equal(notice_unknown("%{"), "%{");
    assert_true(notice_names_login("to=%{sasl_username}"));
    assert_false(notice_names_login("%{client}"));
}

static bool has(char *const *variables, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(variables[i], text) == 0)
            return true;
    return false;
}

TEST(environment)
{
    static const char *const wanted[] = {"TOLLGATE_NOTICE=refused",
        "TOLLGATE_LIMIT=outbound", "TOLLGATE_KEY=sasl:bob@example.com",
        "TOLLGATE_CLIENT=198.51.100.7",
        "TOLLGATE_SASL_USERNAME=bob@example.com", "TOLLGATE_USED=100",
        "TOLLGATE_ALLOWED=100", "TOLLGATE_WINDOW=1h",
        "TOLLGATE_UNTIL=1000000600", "TOLLGATE_COUNT=3"};
    char text[NOTICE_ENVIRONMENT_SIZE], *variables[NOTICE_VARIABLES];
    struct notice notice = sample();

    size_t count = notice_environment(&notice, text, variables);
    assert_int_equal(count, COUNT(wanted));
    for (size_t i = 0; i < COUNT(wanted); i++)
        assert_true(has(variables, count, wanted[i]));
    notice.kind = NOTICE_WOULD_REFUSE;
    notice.until_s = -1;
    notice.window_ms = 0;
    count = notice_environment(&notice, text, variables);
    assert_true(has(variables, count, "TOLLGATE_NOTICE=would-refuse"));
    assert_true(has(variables, count, "TOLLGATE_UNTIL=never"));
    assert_true(has(variables, count, "TOLLGATE_WINDOW="));
}

static const struct notice_sender sender = {
    .host = "mx1.example.com", .now_s = 1000000000, .serial = 0xabc};

TEST(message)
{
    static const char *const wanted[] = {
        "From: tollgate <postmaster@mx1.example.com>\n",
        "\nSubject: tollgate: limit outbound refused sasl:bob@example.com\n",
        "\nDate: Sun, 9 Sep 2001 01:46:40 +0000\n",
        "\nMessage-ID: "
        "<tollgate.1000000000.0000000000000abc@mx1.example.com>\n",
        "\nAuto-Submitted: auto-generated\n", "\nused:     100 of 100 in 1h\n",
        "\nuntil:    Sun, 9 Sep 2001 01:56:40 +0000,",
        "\ntimes:    3 since the last message\n", " comes in 2h at"};
    struct notice notice = sample();
    char text[NOTICE_MESSAGE_SIZE];

    size_t len = notice_message(&notice, &sender, text);
    assert_int_equal(len, strlen(text));
    for (size_t i = 0; i < COUNT(wanted); i++)
        if (strstr(text, wanted[i]) == NULL)
            fail_msg("no \"%s\" in:\n%s", wanted[i], text);
    notice.kind = NOTICE_WOULD_REFUSE;
    notice.until_s = 0;
    notice_message(&notice, &sender, text);
    assert_non_null(strstr(text, "limit outbound would have refused sasl:"));
    assert_non_null(strstr(text, "nothing was refused"));
    assert_null(strstr(text, "until:"));
    notice.kind = NOTICE_WARNED;
    notice_message(&notice, &sender, text);
    assert_non_null(strstr(text, "limit outbound may soon refuse sasl:"));
    assert_non_null(strstr(text, "nothing was refused yet"));
    notice.kind = NOTICE_HELD;
    notice_message(&notice, &sender, text);
    assert_non_null(strstr(text, "limit outbound held sasl:"));
    assert_non_null(strstr(text, "postsuper(1) -H lets it go"));
    const struct notice_sender short_name = {.host = "mx1"};
    notice_message(&notice, &short_name, text);
    assert_non_null(strstr(text, "From: tollgate <postmaster>\n"));
}

/* The longest of everything fits, and no line is too long. */
TEST(the_longest_message)
{
    struct notice notice = sample();
    char text[NOTICE_MESSAGE_SIZE], host[65] = "";
    const struct notice_sender longest = {
        .host = host, .now_s = 1000000000, .serial = UINT64_MAX};

    memset(host, 'h', sizeof host - 1);
    notice.kind = NOTICE_HELD;
    memset(notice.limit, 'l', sizeof notice.limit - 1);
    memset(notice.key, 'k', sizeof notice.key - 1);
    memset(notice.client, 'c', sizeof notice.client - 1);
    memset(notice.login, 'u', sizeof notice.login - 1);
    notice_message(&notice, &longest, text);
    assert_non_null(strstr(text, "tollgatectl override set"));
    for (const char *line = text; *line != '\0'; line += *line == '\n') {
        size_t len = strcspn(line, "\n");
        assert_true(len <= 998 && *line != '.');
        line += len;
    }
    char variables[NOTICE_ENVIRONMENT_SIZE], *all[NOTICE_VARIABLES];
    assert_int_equal(notice_environment(&notice, variables, all), 10);
}

TEST(json)
{
    struct notice notice = sample();
    char *text = notice_json(&notice);

    assert_string_equal(text,
        "{\"notice\":\"refused\",\"limit\":\"outbound\","
        "\"key\":\"sasl:bob@example.com\",\"client\":\"198.51.100.7\","
        "\"sasl_username\":\"bob@example.com\",\"used\":100,"
        "\"allowed\":100,\"window\":\"1h\",\"until\":1000000600,\"count\":3,"
        "\"text\":\"tollgate: limit `outbound` refused `sasl:bob@example.com`: "
        "100 of 100, last client `198.51.100.7`, 3 times\"}");
    free(text);
    notice.kind = NOTICE_HELD;
    notice.until_s = -1;
    (void)snprintf(
        notice.key, sizeof notice.key, "%s", "sasl:a`<!channel>&\"\\");
    text = notice_json(&notice);
    assert_non_null(strstr(text, "\"until\":\"never\""));
    assert_non_null(strstr(text, "\"key\":\"sasl:a`<!channel>&\\\"\\\\\""));
    assert_non_null(strstr(text, "held `sasl:a__!channel__\\\"\\\\`: 100"));
    free(text);
    notice.until_s = 0;
    memset(notice.key, '`', sizeof notice.key - 1);
    text = notice_json(&notice);
    assert_non_null(strstr(text, "\"until\":null"));
    assert_non_null(strstr(text, "_`: 100 of 100"));
    free(text);
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    return run_all_tests(NULL, NULL);
}
