/*
 * test_root_path.c - what others plant where root opens or makes a path.
 */
#include "tests/unit/unit.h"

#include "common/base/root_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHER 65534

static char top[64];

/* top/name, in one of two turns. */
static const char *in(const char *name)
{
    static char paths[2][128];
    static unsigned turn;
    char *path = paths[turn++ % 2];

    snprintf(path, sizeof paths[0], "%s/%s", top, name);
    return path;
}

static bool opens(const char *name)
{
    int fd = root_path_open(in(name), O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (fd != -1)
        close(fd);
    return fd != -1;
}

static bool is_there(const char *name)
{
    struct stat st;

    return lstat(in(name), &st) == 0;
}

static uid_t owner_of(const char *name)
{
    struct stat st;

    assert_int_equal(lstat(in(name), &st), 0);
    return st.st_uid;
}

/* roots/ is ours, others/ is another user's; both have links to roots/. */
static int make_place(void **state)
{
    snprintf(top, sizeof top, "/tmp/tollgate-path-XXXXXX");
    if (mkdtemp(top) == NULL || mkdir(in("roots"), 0700) == -1 ||
        mkdir(in("others"), 0777) == -1 ||
        symlink("../roots", in("others/folder")) == -1 ||
        symlink("../roots/new", in("others/file")) == -1 ||
        symlink("new", in("roots/link")) == -1 ||
        symlink("../others/folder", in("roots/far")) == -1)
        return -1;
    return geteuid() == 0 ? chown(in("others"), OTHER, OTHER) : 0;
}

static int remove_place(void **state)
{
    char command[96];

    snprintf(command, sizeof command, "rm -r %s", top);
    return system(command);
}

TEST_WITH(make_place, remove_place, plain_paths)
{
    assert_true(opens("roots/a"));
    assert_true(opens("others/a"));
    assert_true(opens("roots/../roots//./b"));
    assert_false(opens("nowhere/a"));
    assert_int_equal(errno, ENOENT);
    assert_false(opens("roots/a/b"));
    assert_int_equal(errno, ENOTDIR);
    assert_int_equal(root_path_open("", O_RDONLY, 0), -1);
    int fd = root_path_open(in("roots"), O_RDONLY | O_DIRECTORY, 0);
    assert_true(fd != -1);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
}

TEST_WITH(make_place, remove_place, a_link_of_ones_own_leads_on)
{
    assert_true(opens("roots/link"));
    assert_true(is_there("roots/new"));
}

/* No text of a path: "pipe:[1234]". */
TEST_WITH(make_place, remove_place, the_links_of_proc)
{
    int pipe_fds[2];
    char path[64];

    assert_int_equal(pipe(pipe_fds), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", pipe_fds[1]);
    int fd = root_path_open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd != -1);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

TEST_WITH(make_place, remove_place, a_planted_link_is_refused)
{
    static const char *const planted[] = {
        "others/file", "others/folder/new", "roots/far/new"};

    if (geteuid() != 0)
        skip(); /* nothing that is refused to others */
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
        assert_false(opens(planted[i]));
        assert_int_equal(errno, ELOOP);
    }
    assert_false(is_there("roots/new"));
}

TEST_WITH(make_place, remove_place, a_circle_ends)
{
    assert_int_equal(symlink("round", in("roots/round")), 0);
    assert_false(opens("roots/round"));
    assert_int_equal(errno, ELOOP);
}

TEST_WITH(make_place, remove_place, folders_are_made)
{
    uid_t uid = geteuid() == 0 ? OTHER : geteuid();
    gid_t gid = geteuid() == 0 ? OTHER : getegid();

    assert_true(root_path_make_folder(in("roots/x/y"), 0750, uid, gid, true));
    assert_true(root_path_make_folder(in("roots/x/y"), 0750, uid, gid, true));
    assert_int_equal(owner_of("roots/x"), uid);
    assert_int_equal(owner_of("roots/x/y"), uid);
    assert_int_equal(owner_of("roots"), geteuid());
    assert_false(root_path_make_folder(in("roots/x"), 0750, uid, gid, false));
    assert_int_equal(errno, EEXIST);
    assert_false(root_path_make_folder(in("z/y"), 0750, uid, gid, false));
    assert_int_equal(errno, ENOENT);
}

TEST_WITH(make_place, remove_place, no_folder_through_a_planted_link)
{
    if (geteuid() != 0)
        skip(); /* nothing that is refused to others */
    assert_false(
        root_path_make_folder(in("others/folder/y"), 0750, OTHER, OTHER, true));
    assert_int_equal(errno, ELOOP);
    assert_false(is_there("roots/y"));
    assert_true(
        root_path_make_folder(in("others/x/y"), 0750, OTHER, OTHER, true));
}

RUN_TESTS(NULL, NULL)
