/*
 * test_peer_cause.c - a refusal's cause, by a table; and what a filter of this
 * process's own looks like.
 */
#include "common/net/peer_cause.h"
#include "tests/unit/refuse_call.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAIN .has_ptrace = true

static const struct {
    struct peer_refusal refusal;
    struct peer_setting setting;
    enum peer_cause cause;
} rows[] = {
    {{PEER_STEP_NONE, 0}, {PLAIN, .is_yama_3 = true}, PEER_CAUSE_NONE},
    {{PEER_STEP_PEERCRED, 0}, {PLAIN}, PEER_CAUSE_PID_NAMESPACE},
    {{PEER_STEP_GETFD, EPERM}, {PLAIN}, PEER_CAUSE_OTHER},
    {{PEER_STEP_GETFD, EPERM}, {PLAIN, .is_yama_3 = true}, PEER_CAUSE_YAMA},
    {{PEER_STEP_GETFD, EPERM}, {PLAIN, .is_confined = true},
        PEER_CAUSE_APPARMOR},
    {{PEER_STEP_GETFD, EACCES}, {PLAIN, .is_confined = true},
        PEER_CAUSE_APPARMOR},
    {{PEER_STEP_GETFD, EPERM}, {PLAIN, .has_own_users = true},
        PEER_CAUSE_USER_NAMESPACE},
    {{PEER_STEP_GETFD, EPERM}, {PLAIN, .is_filtered = true},
        PEER_CAUSE_SECCOMP},
    {{PEER_STEP_GETFD, EPERM}, {.has_ptrace = false}, PEER_CAUSE_CAPABILITY},
    {{PEER_STEP_GETFD, ENOSYS}, {PLAIN}, PEER_CAUSE_SECCOMP},
    {{PEER_STEP_GETFD, ENOSYS}, {PLAIN, .is_old_kernel = true},
        PEER_CAUSE_KERNEL},
    {{PEER_STEP_PIDFD_OPEN, ENOSYS}, {PLAIN, .is_old_kernel = true},
        PEER_CAUSE_KERNEL},
    {{PEER_STEP_PIDFD_OPEN, EPERM}, {PLAIN}, PEER_CAUSE_SECCOMP},
    {{PEER_STEP_GETFD, EMFILE}, {PLAIN}, PEER_CAUSE_DESCRIPTORS},
    {{PEER_STEP_SOCKNAME, EACCES}, {PLAIN, .is_confined = true},
        PEER_CAUSE_APPARMOR},
    {{PEER_STEP_SOCKNAME, EACCES}, {PLAIN}, PEER_CAUSE_SECCOMP},
    {{PEER_STEP_PEERNAME, EPERM}, {PLAIN, .is_confined = true},
        PEER_CAUSE_SECCOMP},
    {{PEER_STEP_SOCKNAME, EINVAL}, {PLAIN}, PEER_CAUSE_OTHER},
};

TEST(rows)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum peer_cause cause =
            peer_cause_find(&rows[i].refusal, &rows[i].setting);
        if (cause != rows[i].cause)
            fail_msg("row %zu: %s", i, peer_cause_name(cause));
    }
}

/* Each says what was refused, how, and what to do. */
TEST(texts)
{
    char text[PEER_CAUSE_TEXT_SIZE];

    for (enum peer_step step = PEER_STEP_DOMAIN; step < PEER_STEPS; step++)
        for (enum peer_cause cause = PEER_CAUSE_NONE + 1; cause < PEER_CAUSES;
             cause++) {
            const struct peer_refusal refusal = {step, EPERM};
            peer_cause_format(&refusal, cause, text);
            assert_true(strlen(text) < sizeof text - 1);
            assert_null(strstr(text, "(null)"));
            assert_non_null(strstr(text, ": Operation not permitted; "));
        }
    const struct peer_refusal nobody = {PEER_STEP_PEERCRED, 0};
    assert_non_null(
        strstr(peer_cause_format(&nobody, PEER_CAUSE_PID_NAMESPACE, text),
            "SO_PEERCRED: names no process; "));
    assert_non_null(strstr(text, "shareProcessNamespace"));
}

static bool is_filtered_under(long number)
{
    const struct refused_call call = {number, -1, 0, EPERM};
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct peer_setting setting;
        if (number != 0 && refuse_call(&call) == -1)
            _exit(2);
        peer_setting_read(&setting);
        _exit(setting.is_filtered);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 1;
}

TEST(a_filter_is_seen)
{
    assert_false(is_filtered_under(0));
    assert_true(is_filtered_under(SYS_pidfd_getfd));
}

RUN_TESTS(NULL, NULL)
