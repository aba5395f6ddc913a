/*
 * test_context.c - what each step of a session counts, in whatever order the
 * steps come.
 */
#include "tests/unit/unit.h"

#include "milter/context.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* Steps as letters: M mail, R rcpt, X rejected rcpt, B ten bytes, E end,
 * A abort; a small letter is refused: r e. MAIL is not judged. */
struct script {
    const char *steps;
    uint32_t messages, recipients, rejected, bytes; /* passed, of all steps */
};

static const struct script scripts[] = {
    {"MRE", 1, 1, 0, 0},
    {"MRRRE", 1, 3, 0, 0},
    {"MREMRE", 2, 2, 0, 0},
    {"MRA", 1, 1, 0, 0},
    {"M", 0, 0, 0, 0},
    {"MA", 0, 0, 0, 0},
    {"MMMRE", 1, 1, 0, 0},
    {"MXA", 0, 0, 1, 0},
    {"MXXRE", 1, 1, 2, 0},
    {"MRBBE", 1, 1, 0, 20},
    {"MRBBAMRBE", 2, 2, 0, 10},
    {"MrMRE", 1, 1, 0, 0},
    {"MrrA", 0, 0, 0, 0},
    {"MrRE", 1, 1, 0, 0},
    {"MRBe", 1, 1, 0, 0},
    /* Postfix 3.7 after a message that was refused at its end. */
    {"MREARE", 2, 2, 0, 0},
    {"MREAE", 2, 2, 0, 0},
    {"MREARRRE", 2, 4, 0, 0},
    {"R", 1, 1, 0, 0},
    {"E", 1, 1, 0, 0},
    {"BE", 1, 1, 0, 10},
    {"rR", 1, 1, 0, 0},
    {"X", 0, 0, 1, 0},
    {"XE", 1, 1, 1, 0},
};

static enum context_step begin_step(struct context *context, char letter)
{
    switch (letter) {
    case 'R':
    case 'r':
        context_rcpt(context, "<c@d.example>", NULL, NULL);
        return CONTEXT_RCPT;
    case 'X':
        context_rcpt(context, "<c@d.example>", NULL, NULL);
        return CONTEXT_RCPT_REJECTED;
    default:
        context_end(context, "queue");
        return CONTEXT_END;
    }
}

static void add_step(
    struct context *context, char letter, uint32_t sum[EVENT_KINDS])
{
    struct event event;
    bool is_refused = letter >= 'a';
    enum context_step step = begin_step(context, letter);

    context_event(context, step, &event);
    if (!is_refused) {
        context_passed(context, &event);
        for (unsigned kind = 0; kind < EVENT_KINDS; kind++)
            sum[kind] += event.amount[kind];
    }
    if (step == CONTEXT_END)
        context_reset(context);
}

static void run_script(const struct script *script)
{
    struct context *context = context_new();
    uint32_t sum[EVENT_KINDS] = {0};

    for (const char *step = script->steps; *step != '\0'; step++) {
        if (*step == 'B')
            context_content(context, 10);
        else if (*step == 'M')
            context_mail(context, "<a@b.example>", NULL, NULL);
        else if (*step == 'A')
            context_reset(context);
        else
            add_step(context, *step, sum);
    }
    context_free(&context);
    assert_null(context);
    if (sum[EVENT_MESSAGE] != script->messages ||
        sum[EVENT_RECIPIENT] != script->recipients ||
        sum[EVENT_REJECTED_RECIPIENT] != script->rejected ||
        sum[EVENT_BYTES] != script->bytes)
        fail_msg("%s: %u messages, %u recipients, %u rejected, %u bytes",
            script->steps, sum[EVENT_MESSAGE], sum[EVENT_RECIPIENT],
            sum[EVENT_REJECTED_RECIPIENT], sum[EVENT_BYTES]);
}

TEST(scripts)
{
    for (size_t i = 0; i < COUNT(scripts); i++)
        run_script(&scripts[i]);
}

TEST(connect_counts_once_and_at_once)
{
    struct context *context = context_new();
    struct event event;

    const struct context_peer peer = {.client_addr = "IPv6:2001:db8::1",
        .daemon_name = "smtp",
        .daemon_addr = "192.0.2.25",
        .daemon_port = "2525"};
    context_connect(context, &peer);
    context_event(context, CONTEXT_CONNECT, &event);
    assert_int_equal(event.face, FACE_MILTER);
    assert_int_equal(event.amount[EVENT_CONNECTION], 1);
    assert_int_equal(event.amount[EVENT_CONNECTION_COUNT], 1);
    assert_int_equal(event.amount[EVENT_MESSAGE], 0);
    assert_string_equal(event.service, "smtp");
    assert_int_equal(event.frontend.family, ADDRESS_IPV4);
    assert_int_equal(event.frontend_port, 2525);
    assert_string_equal(event.client_text, "2001:db8::1");
    assert_int_equal(event.client.prefix_length, 128);
    context_free(&context);
}

/* The address of the packet counts; the macro is for where it has none. */
TEST(address)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    const struct sockaddr local = {.sa_family = AF_UNIX};
    const struct sockaddr *ipv4_address = (const struct sockaddr *)&ipv4;
    const struct {
        const struct sockaddr *address;
        const char *text, *expected;
    } cases[] = {
        {ipv4_address, "203.0.113.9", "198.51.100.7"},
        {ipv4_address, NULL, "198.51.100.7"},
        {NULL, "203.0.113.9", "203.0.113.9"},
        {&local, "203.0.113.9", "203.0.113.9"},
        {NULL, "unknown", "unknown"},
        {NULL, NULL, "unknown"},
    };

    inet_pton(AF_INET, "198.51.100.7", &ipv4.sin_addr);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct context *context = context_new();
        struct event event;
        const struct context_peer peer = {
            .address = cases[i].address, .client_addr = cases[i].text};
        context_connect(context, &peer);
        context_event(context, CONTEXT_CONNECT, &event);
        assert_string_equal(event.client_text, cases[i].expected);
        assert_string_equal(event.service, "");
        assert_int_equal(event.frontend.family, ADDRESS_NONE);
        assert_int_equal(event.frontend_port, 0);
        assert_int_equal(
            event.client.prefix_length, address_bits(&event.client.net));
        context_free(&context);
    }
}

TEST(texts)
{
    struct context *context = context_new();
    struct event event;

    context_helo(context, "mx.example");
    context_mail(context, "<a@b.example>", NULL, "bob");
    context_rcpt(context, "c@d.example", NULL, "stale");
    context_event(context, CONTEXT_RCPT, &event);
    assert_string_equal(event.helo, "mx.example");
    assert_string_equal(event.sender, "a@b.example");
    assert_string_equal(event.sasl_username, "bob");
    assert_string_equal(event.recipient, "c@d.example");
    /* Until a recipient has passed, the queue id is the last message's. */
    assert_string_equal(event.instance, "");
    assert_int_equal(event.message_recipients, 1);
    context_passed(context, &event);
    context_rcpt(context, "<e@f.example>", NULL, "4cXyz");
    context_event(context, CONTEXT_RCPT, &event);
    assert_string_equal(event.instance, "4cXyz");
    assert_int_equal(event.message_recipients, 2);
    context_mail(context, "<>", NULL, "");
    context_event(context, CONTEXT_RCPT, &event);
    assert_string_equal(event.sender, "");
    assert_string_equal(event.sasl_username, "");
    assert_string_equal(event.recipient, "");
    assert_string_equal(event.instance, "");
    assert_string_equal(event.helo, "mx.example");
    context_free(&context);
}

/* Of what is too long the end is kept: the domain. Whoever asks the loop has
 * room for 511 bytes, and must not lose the end there. */
TEST(long_text)
{
    static const size_t sizes[] = {500, 510, 511, 512, 513, 514, 2000};

    for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
        struct context *context = context_new();
        struct event event;
        char sender[2100];
        bool has_brackets = i % 2 == 1;
        memset(sender, 'a', sizeof sender);
        sender[0] = has_brackets ? '<' : 'a';
        snprintf(sender + sizes[i / 2] - strlen("@b.example"),
            sizeof "@b.example>", "@b.example%s", has_brackets ? ">" : "");
        context_mail(context, sender, NULL, NULL);
        context_event(context, CONTEXT_RCPT, &event);
        size_t len = strlen(event.sender);
        assert_between(len, 499, 511);
        assert_string_equal(
            event.sender + len - strlen("a@b.example"), "a@b.example");
        context_free(&context);
    }
}

TEST(content_does_not_overflow)
{
    struct context *context = context_new();
    struct event event;

    context_content(context, UINT32_MAX - 5);
    context_content(context, 10);
    context_end(context, "queue");
    context_event(context, CONTEXT_END, &event);
    assert_int_equal(event.amount[EVENT_BYTES], UINT32_MAX);
    context_free(&context);
}

TEST(header)
{
    struct context *context = context_new();
    struct event event;
    char text[CONTEXT_HEADER_SIZE];

    const struct context_peer peer = {
        .client_addr = "198.51.100.7", .daemon_name = "smtp in"};
    context_connect(context, &peer);
    context_mail(context, "<>", NULL, "bob\r\nX-Other: recipients=0");
    context_rcpt(context, "<a@b.example>", NULL, NULL);
    context_event(context, CONTEXT_RCPT, &event);
    context_passed(context, &event);
    context_header(context, text);
    assert_string_equal(text, "service=smtp_in client=198.51.100.7 "
                              "recipients=1 rejected=0 "
                              "sasl=bob\\x0d\\x0aX-Other:_recipients=0");
    context_free(&context);
}

RUN_TESTS(NULL, NULL)
