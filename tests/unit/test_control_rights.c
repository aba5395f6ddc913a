/* test_control_rights.c - who may change things, and who is told to be who. */
#include "tests/unit/unit.h"

#include "common/control/control_rights.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
    const char *admins[4];
    uid_t uid;
    gid_t groups[3];
    size_t group_count;
    bool may;
} cases[] = {
    {{NULL}, 0, {0}, 1, true},
    {{NULL}, 12345, {12345}, 1, false},
    {{NULL}, 12345, {0}, 1, false}, /* root's group is not root */
    {{"root"}, 12345, {12345}, 1, false},
    {{"12345"}, 12345, {7}, 1, true},
    {{"12345"}, 12346, {12345}, 1, false},
    {{"@12345"}, 12345, {7}, 1, false},
    {{"@12345"}, 7, {12345}, 1, true},
    {{"@12345"}, 7, {7, 8, 12345}, 3, true},
    {{"@12345"}, 7, {7, 8, 12345}, 2, false}, /* it is not his */
    {{"12345", "@12346", "12347"}, 12347, {7}, 1, true},
    {{"no-such-user-here", "@no-such-group-here", "12345"}, 12345, {7}, 1,
        true},
    {{"no-such-user-here", "@no-such-group-here"}, 12345, {7}, 1, false},
};

TEST(rights)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct control_rights rights = {0};
        struct control_peer peer = {
            .uid = cases[i].uid, .group_count = cases[i].group_count};
        memcpy(peer.groups, cases[i].groups, sizeof cases[i].groups);
        char *admins[4];
        memcpy(admins, cases[i].admins, sizeof admins);
        control_rights_follow(&rights, admins);
        if (control_rights_may_change(&rights, &peer) != cases[i].may)
            print_error("case %zu\n", i);
        assert_int_equal(
            control_rights_may_change(&rights, &peer), cases[i].may);
        control_rights_clear(&rights);
    }
}

/* A reload takes rights away, too. */
TEST(follow)
{
    struct control_rights rights = {0};
    const struct control_peer peer = {.uid = 12345, .group_count = 0};
    char *first[] = {(char[]){"12345"}, NULL}, *second[] = {NULL};

    control_rights_follow(&rights, first);
    assert_true(control_rights_may_change(&rights, &peer));
    control_rights_follow(&rights, second);
    assert_false(control_rights_may_change(&rights, &peer));
    control_rights_clear(&rights);
}

TEST(peer)
{
    static struct control_peer peer;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(control_peer_ask(pair[0], &peer));
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.pid, getpid());
    assert_int_equal(peer.groups[0], getegid());
    assert_int_equal(peer.group_count, 1 + (size_t)getgroups(0, NULL));
    close(pair[0]);
    close(pair[1]);
    assert_false(control_peer_ask(pair[0], &peer));
}

RUN_TESTS(NULL, NULL)
