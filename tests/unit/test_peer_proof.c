/*
 * test_peer_proof.c - proofs against real processes with real sockets.
 *
 * Each case is a child that arranges its descriptors as some smtpd might have
 * them, and connects to our unix socket. All cases run twice: as the kernel
 * lets us, and by pid, which is the way of kernels before 6.5.
 */
#include "common/net/peer_proof.h"
#include "common/net/peer_trial.h"
#include "tests/unit/peer_child.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static bool by_pid; /* which of the two runs this is */

static const struct {
    const char *name;
    uint16_t (*arrange)(void);
    bool is_configured; /* its port is a service's */
    enum peer_state state;
    const char *address;
} cases[] = {
    {"client", has_client, false, PEER_PROVEN, "127.0.0.1"},
    {"client of a service", has_client, true, PEER_PROVEN, "127.0.0.1"},
    {"handed on", has_client_only, true, PEER_PROVEN, "127.0.0.1"},
    {"handed on, of no service", has_client_only, false, PEER_ELSEWHERE, ""},
    {"no socket", has_nothing, false, PEER_LOCAL, ""},
    {"listener only", has_listener_only, false, PEER_UNPROVEN, ""},
    {"reset", has_reset_client, false, PEER_UNPROVEN, ""},
    {"reset, handed on", has_reset_client_only, true, PEER_UNPROVEN, ""},
    {"two clients", has_two_clients, false, PEER_UNPROVEN, ""},
    {"unbound", has_unbound_socket_too, false, PEER_UNPROVEN, ""},
    {"a path", has_path_descriptor, false, PEER_LOCAL, ""},
    {"no unix socket", has_no_unix_socket, false, PEER_UNPROVEN, ""},
    {"many others", has_many_others, false, PEER_PROVEN, "127.0.0.1"},
    {"table over inet", has_table_over_inet, false, PEER_ELSEWHERE, ""},
    {"IPv6", has_ipv6_client, false, PEER_PROVEN, "::1"},
    {"mapped", has_mapped_client, false, PEER_PROVEN, "127.0.0.1"},
    {"high", has_high_client, false, PEER_PROVEN, "127.0.0.1"},
    {"far", has_far_client, false, PEER_UNPROVEN, ""},
};

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");

    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static void prover_init(struct peer_prover *prover)
{
    memset(prover, 0, sizeof *prover);
    prover->by_pid = by_pid;
}

static void expect(const struct peer *peer, const char *name,
    enum peer_state state, const char *address, uint16_t port)
{
    char text[ADDRESS_TEXT_SIZE] = "";

    if (peer->address.family != ADDRESS_NONE)
        address_format(&peer->address, text);
    if (peer->state != state || peer->port != port ||
        strcmp(text, address) != 0)
        fail_msg("%s: state %d, peer %s, port %u", name, (int)peer->state, text,
            peer->port);
}

static void test_cases(void **state)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct peer_prover prover;
        struct child child;
        struct peer peer;
        prover_init(&prover);
        child_start(&child, cases[i].arrange);
        if (cases[i].is_configured)
            peer_ports_add(&prover.services, child.port);
        bool is_elsewhere =
            cases[i].state == PEER_LOCAL || cases[i].state == PEER_ELSEWHERE;
        uint16_t port = is_elsewhere ? 0 : child.port;
        for (unsigned times = 0; times < 3; times++) {
            peer_prove(&prover, child.fd, &peer);
            expect(
                &peer, cases[i].name, cases[i].state, cases[i].address, port);
        }
        child_end(&child);
    }
}

static void test_descriptors_are_given_back(void **state)
{
    struct child child;
    unsigned before;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct peer_prover prover;
        prover_init(&prover);
        child_start(&child, cases[i].arrange);
        before = open_descriptors();
        for (unsigned times = 0; times < 10000 / COUNT(cases) + 1; times++) {
            struct peer peer;
            peer_prove(&prover, child.fd, &peer);
        }
        assert_int_equal(open_descriptors(), before);
        child_end(&child);
    }
}

static void test_who_has_gone_proves_nothing(void **state)
{
    struct peer_prover prover;
    struct child child;
    struct peer peer;

    prover_init(&prover);
    child_start(&child, has_client);
    peer_prove(&prover, child.fd, &peer);
    assert_int_equal(peer.state, PEER_PROVEN);
    kill(child.pid, SIGKILL);
    assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
    peer_prove(&prover, child.fd, &peer);
    assert_int_equal(peer.state, PEER_UNPROVEN);
    close(child.fd);
}

/* Another process under the pid: its pidfd is alive, but our connection's
 * other end is closed. */
static void test_a_closed_connection_proves_nothing_by_pid(void **state)
{
    struct peer_prover prover;
    struct peer peer;
    int pair[2];

    prover_init(&prover);
    prover.by_pid = true;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    peer_prove(&prover, pair[0], &peer);
    assert_int_equal(peer.state, PEER_LOCAL); /* this process itself */
    close(pair[1]);
    peer_prove(&prover, pair[0], &peer);
    assert_int_equal(peer.state, PEER_UNPROVEN);
    close(pair[0]);
}

static void test_inet(void **state)
{
    struct peer_prover prover;
    struct peer peer;
    int listener = listen_at(AF_INET);
    int far = connect_to(listener, AF_INET);
    int near = accept(listener, NULL, NULL);

    prover_init(&prover);
    peer_prove(&prover, near, &peer);
    expect(&peer, "inet", PEER_INET, "", 0);
    close(near);
    close(far);
    close(listener);
}

/* What one process has shown is not believed of another that has a socket at
 * the same number: it has a second one. */
static void test_two_clients_after_one(void **state)
{
    struct peer_prover prover;
    struct child one, two;
    struct peer peer;

    prover_init(&prover);
    child_start(&one, has_client);
    peer_prove(&prover, one.fd, &peer);
    expect(&peer, "one", PEER_PROVEN, "127.0.0.1", one.port);
    child_start(&two, has_two_clients);
    for (unsigned times = 0; times < 3; times++) {
        peer_prove(&prover, two.fd, &peer);
        expect(&peer, "two", PEER_UNPROVEN, "", 0);
    }
    child_end(&one);
    child_end(&two);
}

/* Nor is what the process itself has shown before. */
static void test_a_second_client_comes(void **state)
{
    struct peer_prover prover;
    struct child child;
    struct peer peer;

    prover_init(&prover);
    child_start(&child, has_client_and_soon_another);
    peer_prove(&prover, child.fd, &peer);
    expect(&peer, "one", PEER_PROVEN, "127.0.0.1", child.port);
    child_go_on(&child);
    peer_prove(&prover, child.fd, &peer);
    expect(&peer, "two", PEER_UNPROVEN, "", 0);
    child_end(&child);
}

static void test_trial(void **state)
{
    struct peer_trial trial;
    struct peer_refusal refusal;
    unsigned before = open_descriptors();
    struct error err;

    assert_true(peer_trial_begin(&trial, &err));
    peer_trial_end(&trial, &refusal);
    assert_int_equal(refusal.step, PEER_STEP_NONE);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_descriptors_are_given_back),
        cmocka_unit_test(test_who_has_gone_proves_nothing),
        cmocka_unit_test(test_a_closed_connection_proves_nothing_by_pid),
        cmocka_unit_test(test_inet),
        cmocka_unit_test(test_two_clients_after_one),
        cmocka_unit_test(test_a_second_client_comes),
        cmocka_unit_test(test_trial),
    };

    int failed = cmocka_run_group_tests_name("pidfd", tests, NULL, NULL);
    by_pid = true;
    return failed + cmocka_run_group_tests_name("by pid", tests, NULL, NULL);
}
