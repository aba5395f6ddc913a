/*
 * test_anvil_pass_helper.c - the program tollgate-anvil-pass itself: policyd
 * away, dead, late, hung, and smtpd misbehaving.
 */
#include "tests/unit/helper_stage.h"

#include "policyd/anvil_request.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDENT    "ident=smtp:192.0.2.1\n\n"
#define CONNECT  "request=connect\n" IDENT
#define MESSAGE  "request=message\n" IDENT
#define REFUSED  "status=0\ncount=2147483647\nrate=2147483647\n\n"
#define ACCEPTED "status=0\ncount=1\nrate=1\n\n"
#define ALL_REFUSED \
    "status=0\ncount=2147483647\nrate=2147483647\nmail=2147483647\n" \
    "rcpt=2147483647\nnewtls=2147483647\nauth=2147483647\ntlstr=" \
    "2147483647\n\n"

TEST(away)
{
    static const struct {
        const char *option, *request, *answer;
    } cases[] = {
        {NULL, "connect", REFUSED},
        {"--when-down=refuse", "connect", REFUSED},
        {"--when-down=refuse", "message", "status=0\nrate=2147483647\n\n"},
        {"--when-down=refuse", "recipient", "status=0\nrate=2147483647\n\n"},
        {"--when-down=refuse", "newtls", "status=0\nrate=2147483647\n\n"},
        {"--when-down=refuse", "newtls_status",
            "status=0\nrate=2147483647\n\n"},
        {"--when-down=refuse", "auth", "status=0\nrate=2147483647\n\n"},
        {"--when-down=refuse", "disconnect", "status=0\n\n"},
        {"--when-down=refuse", "surprise", ALL_REFUSED},
        {"--when-down=accept", "tlstr", "status=0\nrate=2147483647\n\n"},
        {"--when-down=accept", "surprise", "status=-1\n\n"},
        {"--when-down=accept", "connect", ACCEPTED},
        {"--when-down=accept", "message", "status=0\nrate=1\n\n"},
        {"--when-down=accept", "recipient", "status=0\nrate=1\n\n"},
        {"--when-down=accept", "newtls", "status=0\nrate=1\n\n"},
        {"--when-down=accept", "newtls_status", "status=0\nrate=0\n\n"},
        {"--when-down=accept", "auth", "status=0\nrate=1\n\n"},
        {"--when-down=accept", "disconnect", "status=0\n\n"},
        {"--when-down=accept", "lookup",
            "status=0\ncount=0\nrate=0\nmail=0\nrcpt=0\nnewtls=0\nauth=0\n"
            "tlstr=0\n\n"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char request[80];

        assert_int_equal(stage_set_up(state), 0);
        stage_start(cases[i].option);
        smtpd_expect(ANVIL_GREETING, LATE_MS);
        snprintf(
            request, sizeof request, "request=%s\n" IDENT, cases[i].request);
        /* A throw-away helper would get the later ones wrong. */
        for (int again = 0; again < 3; again++) {
            smtpd_say(request);
            smtpd_expect(cases[i].answer, SOON_MS);
        }
        shutdown(stage.smtpd, SHUT_WR);
        assert_int_equal(stage_wait(), 0);
        stage_tear_down(state);
    }
}

TEST_WITH(stage_set_up, stage_tear_down, dead_socket)
{

    policyd_listen();
    close(stage.listener);
    stage.listener = -1;
    stage_start("--when-down=refuse");
    smtpd_expect(ANVIL_GREETING, LATE_MS);
    smtpd_say(CONNECT);
    smtpd_expect(REFUSED, SOON_MS);
}

TEST_WITH(stage_set_up, stage_tear_down, taken_at_once)
{
    char byte, request[sizeof CONNECT] = "";
    int fd, link;

    policyd_listen();
    stage_start(NULL);
    fd = policyd_receive(&byte, &link);
    assert_int_equal(byte, ANVIL_PASS_NEW);
    assert_true(policyd_take(link));
    assert_int_equal(stage_wait(), 0);
    assert_false(
        stage_is_readable(stage.smtpd, 0)); /* no greeting by the helper */
    smtpd_say(CONNECT);
    assert_int_equal(recv(fd, request, sizeof request - 1, 0), strlen(CONNECT));
    assert_string_equal(request, CONNECT);
    assert_int_equal(
        send(fd, ACCEPTED, strlen(ACCEPTED), 0), (ssize_t)strlen(ACCEPTED));
    smtpd_expect(ACCEPTED, SOON_MS);
    close(fd);
    close(link);
    smtpd_expect("", SOON_MS);
}

TEST_WITH(stage_set_up, stage_tear_down, taken_in_session)
{
    char byte, request[sizeof MESSAGE] = "";
    int fd, link;

    stage_start("--when-down=accept");
    smtpd_expect(ANVIL_GREETING, LATE_MS);
    smtpd_say(CONNECT);
    smtpd_expect(ACCEPTED, SOON_MS);
    policyd_listen();
    smtpd_say(MESSAGE);
    fd = policyd_receive(&byte, &link);
    assert_int_equal(byte, ANVIL_PASS_GREETED);
    assert_true(policyd_take(link));
    assert_int_equal(stage_wait(), 0);
    assert_int_equal(recv(fd, request, sizeof request - 1, 0), strlen(MESSAGE));
    assert_string_equal(request, MESSAGE);
    close(fd);
    close(link);
}

TEST_WITH(stage_set_up, stage_tear_down, policyd_dies_with_the_offer)
{
    char byte;
    int link;

    policyd_listen();
    stage_start("--when-down=accept");
    close(policyd_receive(&byte, &link));
    close(link);
    smtpd_expect(ANVIL_GREETING, SOON_MS);
    smtpd_say(CONNECT);
    close(policyd_receive(&byte, &link));
    assert_int_equal(byte, ANVIL_PASS_GREETED);
    close(link);
    smtpd_expect(ACCEPTED, SOON_MS);
}

/* Alive, but it swaps: nobody is refused for that. */
TEST_WITH(stage_set_up, stage_tear_down, late)
{
    char byte;
    int fd, link;

    policyd_listen();
    stage_start("--when-down=refuse");
    assert_false(stage_is_readable(stage.smtpd, 3000));
    fd = policyd_receive(&byte, &link);
    assert_int_equal(byte, ANVIL_PASS_NEW);
    assert_true(policyd_take(link));
    assert_int_equal(stage_wait(), 0);
    assert_false(stage_is_readable(stage.smtpd, 0));
    close(fd);
    close(link);
}

/* Listening, never accepting; then it revives, finds nothing of what was taken
 * back, and has the next request at once. */
TEST_WITH(stage_set_up, stage_tear_down, hung)
{
    int64_t start = stage_now_ms();
    char byte;
    int fd, link;

    policyd_listen();
    stage_start("--when-down=refuse");
    smtpd_expect(ANVIL_GREETING, LATE_MS);
    assert_true(stage_now_ms() - start >= ANVIL_PASS_TIMEOUT_MS - 100);
    for (int again = 0; again < 3; again++) {
        smtpd_say(CONNECT);
        smtpd_expect(REFUSED, LATE_MS / 2); /* it does not wait so long again */
    }
    for (int stale = 0; stale < 4; stale++) {
        fd = policyd_receive(&byte, &link);
        assert_int_equal(
            byte, stale == 0 ? ANVIL_PASS_NEW : ANVIL_PASS_GREETED);
        assert_false(policyd_take(link));
        close(fd);
        close(link);
    }
    assert_false(stage_is_readable(stage.listener, 0));
    smtpd_say(CONNECT);
    fd = policyd_receive(&byte, &link);
    assert_int_equal(byte, ANVIL_PASS_GREETED);
    assert_true(policyd_take(link));
    assert_int_equal(stage_wait(), 0);
    close(fd);
    close(link);
}

TEST_WITH(stage_set_up, stage_tear_down, request_in_parts)
{

    stage_start("--when-down=accept");
    smtpd_expect(ANVIL_GREETING, LATE_MS);
    for (const char *at = CONNECT; *at != '\0'; at++) {
        char byte[] = {*at, '\0'};
        assert_false(stage_is_readable(stage.smtpd, 0));
        smtpd_say(byte);
    }
    smtpd_expect(ACCEPTED, SOON_MS);
    shutdown(stage.smtpd, SHUT_WR);
    assert_int_equal(stage_wait(), 0);
}

static char long_line[6000];

static const struct {
    const char *text;
    size_t len;   /* 0: all of it */
    bool goes_on; /* it is whole */
} malformed[] = {
    {"\n", 0, true},
    {"request=connect\n\n", 0, true},
    {"request=connect\nrequest=connect\nident=a:b\n\n", 0, true},
    {"request=surprise\nident=a:b\n\n", 0, true},
    {"nonsense\n", 0, false},
    {CONNECT "x", 0, false},
    {CONNECT CONNECT, 0, false},
    {"request=con\0nect\n", 16, false},
    {long_line, 0, false},
};

static void check_malformed(
    void **state, const char *when_down, const char *answer)
{
    memset(long_line, 'x', sizeof long_line - 1);
    for (size_t i = 0; i < COUNT(malformed); i++) {
        const char *text = malformed[i].text;
        size_t len = malformed[i].len > 0 ? malformed[i].len : strlen(text);

        assert_int_equal(stage_set_up(state), 0);
        stage_start(when_down);
        smtpd_expect(ANVIL_GREETING, LATE_MS);
        assert_int_equal(send(stage.smtpd, text, len, 0), (ssize_t)len);
        smtpd_expect(answer, SOON_MS);
        if (malformed[i].goes_on) {
            smtpd_say("request=disconnect\nident=a:192.0.2.1\n\n");
            smtpd_expect("status=0\n\n", SOON_MS);
            shutdown(stage.smtpd, SHUT_WR);
        }
        assert_int_equal(stage_wait(), malformed[i].goes_on ? 0 : 1);
        stage_tear_down(state);
    }
}

/* smtpd would take a close for a reason to go on. */
TEST(malformed)
{
    check_malformed(state, NULL, ALL_REFUSED);
    check_malformed(state, "--when-down=accept", "status=-1\n\n");
}

TEST_WITH(stage_set_up, stage_tear_down, smtpd_leaves_at_once)
{

    stage_start(NULL);
    close(stage.smtpd);
    stage.smtpd = -1;
    assert_int_equal(stage_wait(), 0);
}

/* A bad word in master.cf must not be answered to smtpd. */
TEST(bad_arguments)
{
    static const char *const options[] = {
        "--when-down=maybe", "--nonsense", "two-sockets"};

    for (size_t i = 0; i < COUNT(options); i++) {

        assert_int_equal(stage_set_up(state), 0);
        stage_start(options[i]);
        smtpd_expect("", LATE_MS);
        assert_int_equal(stage_wait(), 2);
        stage_tear_down(state);
    }
}

/* By hand, from a shell. */
TEST(words)
{
    static const struct {
        const char *words, *output;
        int status;
    } cases[] = {
        {"--help", "usage: tollgate-anvil-pass SOCKET", 0},
        {"-V", "tollgate-anvil-pass ", 0},
        {"", "tollgate-anvil-pass: one SOCKET is needed", 2},
        {"/x /y", "tollgate-anvil-pass: one SOCKET is needed", 2},
        {"-x /y", "tollgate-anvil-pass: unknown option", 2},
        {"--when-down=perhaps /y",
            "tollgate-anvil-pass: --when-down is refuse or accept", 2},
        {"/y", "tollgate-anvil-pass: standard input is no connection", 2},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char command[4200], line[120];

        snprintf(command, sizeof command, HELPER " %s 2>&1 </dev/null",
            cases[i].words);
        FILE *output = popen(command, "r");
        assert_non_null(output);
        assert_non_null(fgets(line, sizeof line, output));
        while (fgetc(output) != EOF)
            ;
        assert_int_equal(pclose(output), cases[i].status << 8);
        assert_memory_equal(line, cases[i].output, strlen(cases[i].output));
    }
}

RUN_TESTS(NULL, NULL)
