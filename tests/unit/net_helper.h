/*
 * net_helper.h - what the tests of common/net share: a directory of their
 * own, and other processes that listen somewhere.
 *
 * A failure of the helper itself is a failed assertion of the test.
 */
#ifndef TOLLGATE_TESTS_NET_HELPER_H
#define TOLLGATE_TESTS_NET_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct test_dir {
    char path[64];
    char socket[80]; /* a path in it for a socket */
};

/* cmocka fixtures; *state is the struct test_dir. */
int test_dir_setup(void **state);
int test_dir_teardown(void **state); /* removes all that is in it */

unsigned test_dir_entries(const struct test_dir *);

/*
 * Runs this very test program again under another file name, as a process
 * that listens at path: another program, unless its name is ours.
 * The program's main must begin with listen_program_main.
 */
pid_t listen_program_start(
    const struct test_dir *, const char *name, const char *path);
void process_end(pid_t);
bool listen_program_main(int argc, char **argv);

/* A listening socket of this process, bound to path by hand. */
int listen_by_hand(const char *path);
/* Connected, or -1 with errno. */
int connect_unix(const char *path);
int connect_inet(const char *from, const char *host, uint16_t port);
/* A port of 127.0.0.1 that nobody listens on now. */
uint16_t free_port(void);

#endif
