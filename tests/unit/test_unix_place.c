/*
 * test_unix_place.c - a socket file that is moved, removed and replaced, seen
 * with and without the right to look into its directory.
 */
#include "common/net/unix_place.h"
#include "tests/unit/net_helper.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void takes(struct unix_place *place, const char *path)
{
    unix_place_init(place, path);
    assert_false(unix_place_is_held(place));
    assert_true(unix_place_take(place, path));
    assert_true(unix_place_is_held(place));
}

TEST_WITH(test_dir_setup, test_dir_teardown, sees_removal_and_replacement)
{
    struct test_dir *dir = *state;
    struct unix_place first, second;
    int ours = listen_by_hand(dir->socket);
    takes(&first, dir->socket);

    assert_int_equal(unlink(dir->socket), 0);
    assert_false(unix_place_is_held(&first));
    int theirs = listen_by_hand(dir->socket);
    assert_false(unix_place_is_held(&first));

    char other[120];
    takes(&second, dir->socket);
    (void)snprintf(other, sizeof other, "%s.other", dir->socket);
    close(listen_by_hand(other));
    assert_int_equal(rename(other, dir->socket), 0);
    assert_false(unix_place_is_held(&second));
    unix_place_clear(&first);
    unix_place_clear(&second);
    close(ours);
    close(theirs);
}

TEST_WITH(test_dir_setup, test_dir_teardown, sees_moving_aside_and_back)
{
    struct test_dir *dir = *state;
    struct unix_place place;
    char aside[120];
    int fd = listen_by_hand(dir->socket);
    takes(&place, dir->socket);
    (void)snprintf(aside, sizeof aside, "%s.aside", dir->socket);
    assert_int_equal(rename(dir->socket, aside), 0);
    assert_false(unix_place_is_held(&place));
    assert_int_equal(rename(aside, dir->socket), 0);
    assert_true(unix_place_is_held(&place));
    unix_place_clear(&place);
    assert_false(unix_place_is_held(&place));
    close(fd);
}

TEST_WITH(test_dir_setup, test_dir_teardown, takes_before_the_rename)
{
    struct test_dir *dir = *state;
    struct unix_place place;
    char beside[120];
    (void)snprintf(beside, sizeof beside, "%s.1", dir->socket);
    int fd = listen_by_hand(beside);
    unix_place_init(&place, dir->socket);
    assert_true(unix_place_take(&place, beside));
    assert_false(unix_place_is_held(&place));
    assert_int_equal(rename(beside, dir->socket), 0);
    assert_true(unix_place_is_held(&place));
    unix_place_clear(&place);
    close(fd);
}

TEST_WITH(test_dir_setup, test_dir_teardown, follows_linked_directories)
{
    struct test_dir *dir = *state;
    struct unix_place place;
    char link[100], path[120];
    (void)snprintf(link, sizeof link, "%s/link", dir->path);
    (void)snprintf(path, sizeof path, "%s/socket", link);
    assert_int_equal(symlink(dir->path, link), 0);
    int fd = listen_by_hand(dir->socket);
    takes(&place, path);
    unix_place_clear(&place);
    close(fd);
}

TEST_WITH(test_dir_setup, test_dir_teardown, refuses_what_is_not_a_socket)
{
    struct test_dir *dir = *state;
    struct unix_place place;
    close(open(dir->socket, O_CREAT | O_WRONLY, 0600));
    unix_place_init(&place, dir->socket);
    assert_false(unix_place_take(&place, dir->socket));
    assert_false(unix_place_is_held(&place));
    unix_place_clear(&place);
}

TEST_WITH(test_dir_setup, test_dir_teardown, adopts_only_what_is_there)
{
    struct test_dir *dir = *state;
    struct unix_place place;
    int listening = listen_by_hand(dir->socket);
    int there = open(dir->socket, O_PATH), file = open("/dev/null", O_RDONLY);
    unix_place_init(&place, dir->socket);
    assert_false(unix_place_adopt(&place, file));
    assert_false(unix_place_adopt(&place, listening));
    assert_true(unix_place_adopt(&place, there));
    assert_int_equal(fcntl(there, F_GETFD), FD_CLOEXEC);

    int gone = open(dir->socket, O_PATH);
    assert_int_equal(unlink(dir->socket), 0);
    assert_false(unix_place_adopt(&place, gone));
    unix_place_clear(&place);
    close(listening);
    close(file);
    close(gone);
}

/* As a daemon that has bound in Postfix's private/ and dropped to its user. */
static int unprivileged_main(struct unix_place *place, int go, int done)
{
    char byte;
    if (setresuid(65534, 65534, 65534) != 0 || access(place->path, F_OK) == 0)
        return 1;
    if (!unix_place_is_held(place))
        return 2;
    if (write(done, "d", 1) != 1 || read(go, &byte, 1) != 1)
        return 3;
    return unix_place_is_held(place) ? 4 : 0;
}

TEST_WITH(test_dir_setup, test_dir_teardown, needs_no_rights_on_the_directory)
{
    struct test_dir *dir = *state;
    struct unix_place place;
    char byte;
    int go[2], done[2], status;
    if (geteuid() != 0)
        skip();
    int fd = listen_by_hand(dir->socket);
    takes(&place, dir->socket); /* mkdtemp: the directory is closed to others */
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(done), 0);
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0)
        _exit(unprivileged_main(&place, go[0], done[1]));
    close(done[1]);
    if (read(done[0], &byte, 1) == 1) {
        assert_int_equal(unlink(dir->socket), 0);
        assert_int_equal(write(go[1], "g", 1), 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
    unix_place_clear(&place);
    close(fd);
}

RUN_TESTS(NULL, NULL)
