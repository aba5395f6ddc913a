/*
 * test_reach.c - may a user get at a file? Asked for users that need not be
 * us, of files whose owner is us.
 */
#include "ctl/reach.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], file[80];

static int setup(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/test_reach.%d", (int)getpid());
    snprintf(file, sizeof file, "%s/file", folder);
    FILE *made;
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_non_null(made = fopen(file, "w"));
    return fclose(made);
}

static int teardown(void **state)
{
    chmod(folder, 0755);
    unlink(file);
    return rmdir(folder);
}

/* A stranger to the file: neither its owner nor in its group. */
static struct reach_user stranger(gid_t group)
{
    return (struct reach_user){.name = "stranger",
        .uid = getuid() + 4711,
        .groups = {group},
        .group_count = 1};
}

TEST_WITH(setup, teardown, modes)
{
    static const struct {
        mode_t folder, file;
        bool in_group;
        enum reach reach;
    } cases[] = {
        {0755, 0666, false, REACH_YES},
        {0755, 0664, false, REACH_REFUSED},
        {0755, 0660, false, REACH_REFUSED},
        {0755, 0660, true, REACH_YES},
        {0755, 0646, true, REACH_REFUSED}, /* the group's bits decide */
        {0750, 0666, false, REACH_REFUSED},
        {0750, 0666, true, REACH_YES},
        {0711, 0602, false, REACH_YES},
    };
    struct error err;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reach_user user =
            stranger(cases[i].in_group ? getgid() : (gid_t)(getgid() + 4711));
        chmod(folder, cases[i].folder);
        chmod(file, cases[i].file);
        assert_int_equal(reach_connect(&user, file, "", &err), cases[i].reach);
    }
}

/* A process that is in a folder already need not pass those above it. */
TEST_WITH(setup, teardown, from)
{
    struct reach_user user = stranger((gid_t)(getgid() + 4711));
    char inner[128];
    struct error err;

    snprintf(inner, sizeof inner, "%s/inner", folder);
    assert_int_equal(mkdir(inner, 0755), 0);
    chmod(folder, 0700);
    assert_int_equal(reach_execute(&user, inner, &err), REACH_REFUSED);
    assert_non_null(strstr(err.text, "stranger may not enter"));
    assert_int_equal(reach_connect(&user, inner, inner, &err), REACH_REFUSED);
    chmod(inner, 0777);
    assert_int_equal(reach_connect(&user, inner, inner, &err), REACH_YES);
    rmdir(inner);
}

TEST_WITH(setup, teardown, absent)
{
    struct reach_user user = stranger(0);
    struct error err;
    char path[128];

    snprintf(path, sizeof path, "%s/no/such", folder);
    chmod(folder, 0755);
    assert_int_equal(reach_execute(&user, path, &err), REACH_ABSENT);
}

TEST(users)
{
    struct reach_user user;
    struct error err;

    assert_true(reach_user_find("root", &user, &err));
    assert_int_equal(user.uid, 0);
    assert_true(reach_user_find("0", &user, &err));
    assert_int_equal(user.uid, 0);
    assert_true(reach_user_find("root:root", &user, &err));
    assert_int_equal(user.group_count, 1);
    assert_false(reach_user_find("no-such-user", &user, &err));
    assert_string_equal(err.text, "there is no user no-such-user");
    assert_false(reach_user_find("", &user, &err));
}

RUN_TESTS(NULL, NULL)
