/*
 * test_peer_refused.c - proofs where the kernel refuses one of the questions:
 * an error is never an answer.
 *
 * The prover is a child under a seccomp filter, and asks about processes that
 * have what an smtpd, a cleanup or a forger's smtpd has. Whatever is refused,
 * and with whatever errno: the outcome is what it is without the filter, or
 * unproven with the question and its errno.
 */
#include "common/net/peer_proof.h"
#include "tests/unit/peer_child.h"
#include "tests/unit/refuse_call.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#ifdef SYS_poll
#define POLL_CALL SYS_poll
#else
#define POLL_CALL SYS_ppoll
#endif

#define ANY       -1, 0
#define OPTION(o) 2, o

static const struct {
    enum peer_step step;
    long number;
    int argument;
    uint32_t value;
    bool is_by_pid; /* asked by pid only */
    bool is_inet;   /* asked of TCP sockets only */
} calls[] = {
    {PEER_STEP_PEERCRED, SYS_getsockopt, OPTION(SO_PEERCRED), true, false},
    {PEER_STEP_PIDFD_OPEN, SYS_pidfd_open, ANY, true, false},
    {PEER_STEP_POLL, POLL_CALL, ANY, true, false},
    {PEER_STEP_GETFD, SYS_pidfd_getfd, ANY, false, false},
    {PEER_STEP_SOCKNAME, SYS_getsockname, ANY, false, false},
    {PEER_STEP_TYPE, SYS_getsockopt, OPTION(SO_TYPE), false, true},
    {PEER_STEP_PEERNAME, SYS_getpeername, ANY, false, true},
    {PEER_STEP_ACCEPTCONN, SYS_getsockopt, OPTION(SO_ACCEPTCONN), false, true},
};

/* SO_PEERPIDFD is asked before all of these, where the kernel has it. */
static const int errors[] = {EPERM, EACCES, ENOSYS, EINVAL, ENOMEM, EMFILE,
    ENOTCONN, EOPNOTSUPP, EAFNOSUPPORT};

static const struct {
    const char *name;
    uint16_t (*arrange)(void);
    bool is_configured;
    bool has_tcp;
    bool has_unconnected; /* a listener, or one that is not connected now */
} arrangements[] = {
    {"client", has_client, false, true, true},
    {"handed on", has_client_only, true, true, false},
    {"handed on, of no service", has_client_only, false, true, false},
    {"IPv6", has_ipv6_client, false, true, true},
    {"reset, handed on", has_reset_client_only, true, true, true},
    {"two clients", has_two_clients, false, true, true},
    {"listener only", has_listener_only, false, true, true},
    {"table over inet", has_table_over_inet, false, true, true},
    {"no socket", has_nothing, false, false, false},
    {"a path", has_path_descriptor, false, false, false},
};

static int refused_family; /* that getsockname refuses; 0: none */

/* In the C library's place: a security module refuses by family, and a filter
 * does not see it. */
int getsockname(int fd, struct sockaddr *name, socklen_t *len)
{
    int result = (int)syscall(SYS_getsockname, fd, name, len);

    if (result == 0 && refused_family != 0 &&
        name->sa_family == refused_family) {
        errno = EACCES;
        return -1;
    }
    return result;
}

/* The outcome of a prover under the filter; NULL: without one. */
static struct peer prove_under(
    const struct refused_call *call, const struct peer_prover *prover, int fd)
{
    struct peer peer = {.state = PEER_STATES};
    int report[2], status;

    assert_int_equal(pipe(report), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct peer_prover own = *prover;
        if (call != NULL && refuse_call(call) == -1)
            _exit(1);
        peer_prove(&own, fd, &peer);
        _exit(write(report[1], &peer, sizeof peer) != sizeof peer);
    }
    close(report[1]);
    assert_int_equal(read(report[0], &peer, sizeof peer), sizeof peer);
    close(report[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return peer;
}

static bool is_refused(const struct peer *peer, enum peer_step step, int error)
{
    return peer->state == PEER_UNPROVEN && peer->port == 0 &&
           peer->address.family == ADDRESS_NONE && peer->refusal.step == step &&
           peer->refusal.error == error;
}

static bool is_same(const struct peer *a, const struct peer *b)
{
    return a->state == b->state && a->port == b->port &&
           a->refusal.step == b->refusal.step &&
           address_equal(&a->address, &b->address);
}

static void prover_init(
    struct peer_prover *prover, bool by_pid, uint16_t service)
{
    memset(prover, 0, sizeof *prover);
    prover->by_pid = by_pid;
    if (service != 0)
        peer_ports_add(&prover->services, service);
}

/* "Not connected" is an answer to one question. */
static bool is_answer(enum peer_step step, int error)
{
    return step == PEER_STEP_PEERNAME && error == ENOTCONN;
}

static bool has_peer_pidfd(int fd)
{
    int pidfd;
    socklen_t len = sizeof pidfd;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == -1)
        return false;
    close(pidfd);
    return true;
}

/* Is the question asked of such a process at all? */
static bool is_asked(size_t call, size_t arrangement, bool by_pid)
{
    if (calls[call].is_by_pid && !by_pid)
        return false;
    if (calls[call].step == PEER_STEP_ACCEPTCONN)
        return arrangements[arrangement].has_unconnected;
    return !calls[call].is_inet || arrangements[arrangement].has_tcp;
}

static void try_call(
    size_t at, size_t arrangement, const struct child *child, bool by_pid)
{
    struct peer_prover prover;

    prover_init(&prover, by_pid,
        arrangements[arrangement].is_configured ? child->port : 0);
    const struct peer free = prove_under(NULL, &prover, child->fd);
    for (size_t i = 0; i < COUNT(errors); i++) {
        const struct refused_call call = {
            calls[at].number, calls[at].argument, calls[at].value, errors[i]};
        const struct peer got = prove_under(&call, &prover, child->fd);
        if (is_answer(calls[at].step, errors[i]))
            assert_true(got.state == PEER_UNPROVEN || is_same(&got, &free));
        else if (is_asked(at, arrangement, by_pid)
                     ? !is_refused(&got, calls[at].step, errors[i])
                     : !is_same(&got, &free))
            fail_msg("%s, %s, question %d, %s: state %d, question %d, %s",
                arrangements[arrangement].name, by_pid ? "by pid" : "by pidfd",
                (int)calls[at].step, strerror(errors[i]), (int)got.state,
                (int)got.refusal.step, strerror(got.refusal.error));
    }
}

TEST(each_question_refused)
{
    for (size_t i = 0; i < COUNT(arrangements); i++) {
        struct child child;
        child_start(&child, arrangements[i].arrange);
        bool has_both = has_peer_pidfd(child.fd);
        for (size_t at = 0; at < COUNT(calls); at++) {
            try_call(at, i, &child, true);
            if (has_both)
                try_call(at, i, &child, false);
        }
        child_end(&child);
    }
}

/* ENOPROTOOPT is an answer: the kernel has no such option. */
TEST(the_process_is_not_named)
{
    struct peer_prover prover;
    struct child child;

    prover_init(&prover, false, 0);
    child_start(&child, has_nothing);
    for (size_t i = 0; i < COUNT(errors); i++) {
        const struct refused_call call = {
            SYS_getsockopt, OPTION(SO_PEERPIDFD), errors[i]};
        const struct peer got = prove_under(&call, &prover, child.fd);
        assert_true(is_refused(&got, PEER_STEP_PEERPIDFD, errors[i]));
    }
    const struct refused_call none = {
        SYS_getsockopt, OPTION(SO_PEERPIDFD), ENOPROTOOPT};
    assert_int_equal(prove_under(&none, &prover, child.fd).state, PEER_LOCAL);
    child_end(&child);
}

/* Of what was opened by O_PATH it is asked whether it was. */
TEST(the_flags_are_not_told)
{
    const struct refused_call call = {SYS_fcntl, 1, F_GETFL, EACCES};
    struct peer_prover prover;
    struct child child;

    prover_init(&prover, false, 0);
    child_start(&child, has_path_descriptor);
    const struct peer got = prove_under(&call, &prover, child.fd);
    assert_true(is_refused(&got, PEER_STEP_FLAGS, EACCES));
    child_end(&child);
}

/* EBADF and ENOTSOCK of a socket itself: no unix socket was seen then, and the
 * process that asks us has one. */
TEST(a_lie_about_sockets)
{
    static const int lies[] = {EBADF, ENOTSOCK};

    for (size_t i = 0; i < COUNT(arrangements); i++) {
        struct peer_prover prover;
        struct child child;
        child_start(&child, arrangements[i].arrange);
        prover_init(
            &prover, false, arrangements[i].is_configured ? child.port : 0);
        for (size_t lie = 0; lie < COUNT(lies); lie++) {
            const struct refused_call call = {SYS_getsockname, ANY, lies[lie]};
            assert_int_equal(
                prove_under(&call, &prover, child.fd).state, PEER_UNPROVEN);
        }
        child_end(&child);
    }
}

/* As a profile of AppArmor refuses them: all sockets of one family. */
TEST(a_family_is_refused)
{
    static const struct {
        uint16_t (*arrange)(void);
        int family;
    } rows[] = {
        {has_client, AF_INET},
        {has_client_only, AF_INET},
        {has_table_over_inet, AF_INET},
        {has_ipv6_client, AF_INET6},
        {has_ipv6_client_only, AF_INET6},
        {has_ipv6_client_too, AF_INET6},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct peer_prover prover;
        struct child child;
        child_start(&child, rows[i].arrange);
        prover_init(&prover, false, 0);
        refused_family = rows[i].family;
        const struct peer got = prove_under(NULL, &prover, child.fd);
        refused_family = 0;
        if (!is_refused(&got, PEER_STEP_SOCKNAME, EACCES))
            fail_msg("row %zu: state %d", i, (int)got.state);
        child_end(&child);
    }
}

/* Who asks us over inet cannot be told from a process that is not named. */
TEST(the_family_of_our_connection)
{
    const struct refused_call call = {
        SYS_getsockopt, OPTION(SO_DOMAIN), EACCES};
    struct peer_prover prover;
    int listener = listen_at(AF_INET);
    int far = connect_to(listener, AF_INET);
    int near = accept(listener, NULL, NULL);

    prover_init(&prover, false, 0);
    assert_int_equal(prove_under(NULL, &prover, near).state, PEER_INET);
    const struct peer got = prove_under(&call, &prover, near);
    assert_true(is_refused(&got, PEER_STEP_DOMAIN, EACCES));
    close(near);
    close(far);
    close(listener);
}

RUN_TESTS(NULL, NULL)
