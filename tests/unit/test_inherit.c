/*
 * test_inherit.c - LISTEN_FDS in a child process, where descriptors 3.. can
 * be what the test wants.
 *
 * The child runs the assertions and tells by its exit status: 0 all held.
 */
#include "common/net/inherit.h"
#include "tests/unit/net_helper.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char face[] = "policy", text[] = "policy:unix:test";

static struct config_listener config_for(char *path)
{
    return (struct config_listener){.text = text, .face = face, .path = path};
}

static void listen_on(int fd, const char *path)
{
    int bound = listen_by_hand(path);
    if (bound == fd)
        return;
    dup2(bound, fd);
    close(bound);
}

static void announce(int pid, const char *fds)
{
    char number[24];
    (void)snprintf(number, sizeof number, "%d", pid);
    setenv("LISTEN_PID", number, 1);
    setenv("LISTEN_FDS", fds, 1);
    setenv("LISTEN_FDNAMES", "a:b:c", 1);
}

#define HOLDS(claim) \
    do { \
        if (!(claim)) { \
            (void)fprintf(stderr, "line %d: %s\n", __LINE__, #claim); \
            return 1; \
        } \
    } while (0)

static bool environment_is_clean(void)
{
    return getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL &&
           getenv("LISTEN_FDNAMES") == NULL;
}

/* A descriptor of another path, ours, and one bound beside and renamed. */
static int child_claims(struct test_dir *dir)
{
    char beside[160], strange[120], second[120], lookalike[120];
    struct inherit inherit;
    int place;
    (void)snprintf(second, sizeof second, "%s2", dir->socket);
    (void)snprintf(beside, sizeof beside, "%s.4711", second);
    (void)snprintf(strange, sizeof strange, "%s.conf", dir->socket);
    (void)snprintf(lookalike, sizeof lookalike, "%s-long", dir->socket);
    listen_on(3, strange);
    listen_on(4, dir->socket);
    listen_on(5, beside);
    listen_on(6, lookalike);
    HOLDS(dup2(open(dir->socket, O_PATH), 7) == 7);
    HOLDS(dup2(open(strange, O_PATH), 8) == 8);
    announce(getpid(), "6");
    inherit_take(&inherit);
    HOLDS(environment_is_clean());
    HOLDS(inherit.count == 6);
    HOLDS(fcntl(4, F_GETFD) == FD_CLOEXEC);

    struct config_listener first = config_for(dir->socket),
                           other = config_for(second);
    HOLDS(inherit_claim(&inherit, &other, &place) == 5);
    HOLDS(place == -1);
    HOLDS(inherit_claim(&inherit, &other, &place) == -1);
    HOLDS(inherit_claim(&inherit, &first, &place) == 4);
    HOLDS(place == 7);
    inherit_close_rest(&inherit);
    HOLDS(fcntl(3, F_GETFD) == -1);
    HOLDS(fcntl(6, F_GETFD) == -1);
    HOLDS(fcntl(8, F_GETFD) == -1);
    HOLDS(fcntl(7, F_GETFD) != -1);
    HOLDS(fcntl(4, F_GETFD) != -1);
    HOLDS(fcntl(5, F_GETFD) != -1);
    return 0;
}

static int child_of_other_pid(struct test_dir *dir)
{
    struct inherit inherit;
    listen_on(3, dir->socket);
    announce(getppid(), "1");
    inherit_take(&inherit);
    HOLDS(inherit.count == 0);
    HOLDS(environment_is_clean());
    inherit_close_rest(&inherit);
    HOLDS(fcntl(3, F_GETFD) != -1); /* not ours to close */
    return 0;
}

static int child_with_nonsense(struct test_dir *dir)
{
    static const char *const nonsense[] = {
        "", "-1", "1x", "129", "99999999999999999999", " 1", "0x1"};
    struct inherit inherit;
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        announce(getpid(), nonsense[i]);
        inherit_take(&inherit);
        HOLDS(inherit.count == 0);
        HOLDS(environment_is_clean());
    }
    return 0;
}

/* Not sockets at all, not listening, not open. */
static int child_with_odd_descriptors(struct test_dir *dir)
{
    struct config_listener config = config_for(dir->socket);
    struct inherit inherit;
    int place;
    dup2(STDERR_FILENO, 3);
    listen_on(4, dir->socket);
    dup2(connect_unix(dir->socket), 4); /* now a client's end */
    close(5);
    announce(getpid(), "3");
    inherit_take(&inherit);
    HOLDS(inherit.count == 2);
    HOLDS(inherit_claim(&inherit, &config, &place) == -1);
    return 0;
}

static void run(void **state, int (*child)(struct test_dir *))
{
    int status;
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0)
        _exit(child(*state));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

TEST_WITH(test_dir_setup, test_dir_teardown, claims_by_address)
{
    run(state, child_claims);
}

TEST_WITH(
    test_dir_setup, test_dir_teardown, ignores_what_is_for_another_process)
{
    run(state, child_of_other_pid);
}

TEST_WITH(test_dir_setup, test_dir_teardown, ignores_nonsense)
{
    run(state, child_with_nonsense);
}

TEST_WITH(test_dir_setup, test_dir_teardown, survives_odd_descriptors)
{
    run(state, child_with_odd_descriptors);
}

RUN_TESTS(NULL, NULL)
