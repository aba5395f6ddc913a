/*
 * test_anvil_pass.c - policyd's end of the hand-over, with sessions that only
 * remember what they were given.
 */
#include "tests/unit/unit.h"

#include "policyd/anvil_pass.h"
#include "policyd/anvil_session.h"

#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct anvil_sessions {
    int fd; /* the last one that was added; -1: none */
    bool is_greeted;
    unsigned added;
};

void anvil_sessions_add(
    struct anvil_sessions *sessions, int fd, bool is_greeted)
{
    if (sessions->fd != -1)
        close(sessions->fd);
    sessions->fd = fd;
    sessions->is_greeted = is_greeted;
    sessions->added++;
}

struct stage {
    struct event_base *base;
    struct anvil_sessions sessions;
    struct anvil_pass *pass;
    int helper;   /* the helper's end of its connection to policyd */
    int smtpd[2]; /* smtpd's connection: its end, the helper's */
};

static int set_up(void **state)
{
    static struct stage stage;
    int pair[2];

    memset(&stage, 0, sizeof stage);
    stage.sessions.fd = -1;
    stage.base = event_base_new();
    stage.pass = anvil_pass_new(stage.base, &stage.sessions);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, stage.smtpd), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    stage.helper = pair[0];
    anvil_pass_add(stage.pass, pair[1]);
    *state = &stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    anvil_pass_free(&stage->pass);
    event_base_free(stage->base);
    if (stage->sessions.fd != -1)
        close(stage->sessions.fd);
    close(stage->helper);
    close(stage->smtpd[0]);
    if (stage->smtpd[1] != -1)
        close(stage->smtpd[1]);
    return 0;
}

#define PASSED_MAX 3

static void offer(
    struct stage *stage, const char *bytes, const int *fds, size_t count)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(PASSED_MAX * sizeof(int))];
    } control = {.space = {0}};
    struct iovec iov = {
        .iov_base = (void *)(uintptr_t)bytes, .iov_len = strlen(bytes)};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    }
    assert_int_equal(
        sendmsg(stage->helper, &message, MSG_NOSIGNAL), (ssize_t)strlen(bytes));
}

static void run(struct stage *stage)
{
    event_base_loop(stage->base, EVLOOP_NONBLOCK);
}

/* What the helper reads: TAKEN, or '\0' for a closed connection. */
static char answer(struct stage *stage)
{
    char byte = '\0';

    return recv(stage->helper, &byte, 1, MSG_DONTWAIT) == 1 ? byte : '\0';
}

/* All copies of the helper's end are closed: smtpd would see EOF. */
static bool is_abandoned(struct stage *stage)
{
    char byte;

    close(stage->smtpd[1]);
    stage->smtpd[1] = -1;
    return recv(stage->smtpd[0], &byte, 1, MSG_DONTWAIT) == 0;
}

TEST(new_and_greeted)
{
    static const struct {
        char byte;
        bool is_greeted;
    } cases[] = {{ANVIL_PASS_NEW, false}, {ANVIL_PASS_GREETED, true}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char bytes[] = {cases[i].byte, '\0'};
        struct stage *stage;

        assert_int_equal(set_up(state), 0);
        stage = *state;
        offer(stage, bytes, &stage->smtpd[1], 1);
        run(stage);
        assert_int_equal(answer(stage), ANVIL_PASS_TAKEN);
        assert_int_equal(stage->sessions.added, 1);
        assert_int_equal(stage->sessions.is_greeted, cases[i].is_greeted);
        assert_true(fcntl(stage->sessions.fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(stage->sessions.fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(send(stage->smtpd[0], "x", 1, 0), 1);
        char byte;
        assert_int_equal(recv(stage->sessions.fd, &byte, 1, 0), 1);
        tear_down(state);
    }
}

/* policyd wakes up after the helper has given up: nobody else's session. */
TEST_WITH(set_up, tear_down, withdrawn)
{
    struct stage *stage = *state;
    const char bytes[] = {ANVIL_PASS_NEW, '\0'};

    offer(stage, bytes, &stage->smtpd[1], 1);
    shutdown(stage->helper, SHUT_RDWR);
    run(stage);
    assert_int_equal(stage->sessions.added, 0);
    assert_int_equal(answer(stage), '\0');
    assert_true(is_abandoned(stage));
}

TEST(bad_offers)
{
    enum { NOTHING, ONE, TWO, A_FILE, A_DATAGRAM };
    static const struct {
        const char *bytes;
        int what;
    } cases[] = {
        {"N", NOTHING},
        {"N", TWO},
        {"N", A_FILE},
        {"N", A_DATAGRAM},
        {"T", ONE},
        {"x", ONE},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct stage *stage;
        int datagrams[2], file;

        assert_int_equal(set_up(state), 0);
        stage = *state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams), 0);
        file = open("/dev/null", O_RDWR);
        const int fds[2] = {cases[i].what == A_FILE       ? file
                            : cases[i].what == A_DATAGRAM ? datagrams[0]
                                                          : stage->smtpd[1],
            stage->smtpd[1]};
        offer(stage, cases[i].bytes, fds,
            cases[i].what == NOTHING ? 0
            : cases[i].what == TWO   ? 2
                                     : 1);
        run(stage);
        if (stage->sessions.added != 0 || answer(stage) != '\0')
            fail_msg("case %zu was taken", i);
        assert_true(is_abandoned(stage));
        close(file);
        close(datagrams[0]);
        close(datagrams[1]);
        tear_down(state);
    }
}

TEST_WITH(set_up, tear_down, helper_leaves)
{
    struct stage *stage = *state;

    shutdown(stage->helper, SHUT_RDWR);
    run(stage);
    assert_int_equal(stage->sessions.added, 0);
    /* Nothing is left to wait for. */
    assert_int_equal(
        event_base_get_num_events(stage->base, EVENT_BASE_COUNT_ADDED), 0);
}

TEST_WITH(set_up, tear_down, silent_helper)
{
    struct stage *stage = *state;

    event_base_loop(stage->base, 0); /* ends with the last event */
    assert_int_equal(answer(stage), '\0');
    assert_int_equal(send(stage->helper, "N", 1, MSG_NOSIGNAL), -1);
}

TEST_WITH(set_up, tear_down, free_with_offers)
{
    struct stage *stage = *state;

    anvil_pass_free(&stage->pass);
    assert_null(stage->pass);
    anvil_pass_free(&stage->pass);
    assert_int_equal(send(stage->helper, "N", 1, MSG_NOSIGNAL), -1);
}

RUN_TESTS(NULL, NULL)
