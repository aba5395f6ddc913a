/*
 * peer_cause.c - see peer_cause.h.
 *
 * Observed on Linux 6.1, 6.12 and 7.2: pidfd_getfd answers EPERM to each
 * refusal of ptrace, whoever refuses, and never asks about one's own process,
 * so that a refusal there is a seccomp filter's. AppArmor answers EACCES at
 * pidfd_getfd or at the first question about the socket.
 *
 * Source: pidfd_getfd(2), ptrace(2), apparmor.d(5), user_namespaces(7).
 */
#include "common/net/peer_cause.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

static const char *const step_names[PEER_STEPS] = {
    [PEER_STEP_NONE] = "nothing",
    [PEER_STEP_DOMAIN] = "SO_DOMAIN",
    [PEER_STEP_PEERPIDFD] = "SO_PEERPIDFD",
    [PEER_STEP_PEERCRED] = "SO_PEERCRED",
    [PEER_STEP_PIDFD_OPEN] = "pidfd_open",
    [PEER_STEP_POLL] = "poll",
    [PEER_STEP_GETFD] = "pidfd_getfd",
    [PEER_STEP_SOCKNAME] = "getsockname of smtpd's socket",
    [PEER_STEP_FLAGS] = "F_GETFL of smtpd's descriptor",
    [PEER_STEP_TYPE] = "SO_TYPE of smtpd's socket",
    [PEER_STEP_PEERNAME] = "getpeername of smtpd's socket",
    [PEER_STEP_ACCEPTCONN] = "SO_ACCEPTCONN of smtpd's socket",
    [PEER_STEP_SOCKET] = "socket(AF_INET)",
};

static const struct {
    const char *name;
    const char *remedy;
} causes[PEER_CAUSES] = {
    [PEER_CAUSE_NONE] = {"none", ""},
    [PEER_CAUSE_YAMA] = {"yama",
        "kernel.yama.ptrace_scope is 3, which forbids it to all: set it below "
        "3 in sysctl.d and boot again"},
    [PEER_CAUSE_APPARMOR] = {"apparmor",
        "this daemon is confined by AppArmor or SELinux: its profile needs "
        "ptrace (trace), network inet and network inet6, and smtpd's profile "
        "ptrace (tracedby); docker: --security-opt apparmor=unconfined"},
    [PEER_CAUSE_USER_NAMESPACE] = {"user-namespace",
        "this daemon is in a user namespace of its own, and smtpd was started "
        "outside: run both in the same one"},
    [PEER_CAUSE_PID_NAMESPACE] = {"pid-namespace",
        "smtpd is in a PID namespace that is not seen from here: share it "
        "(Kubernetes: shareProcessNamespace: true; docker: pid: "
        "\"service:NAME\"), or run Linux 6.5 or later"},
    [PEER_CAUSE_SECCOMP] = {"seccomp",
        "a seccomp filter refuses it: the filter must allow pidfd_open, "
        "pidfd_getfd, getsockopt, getsockname and getpeername (docker: "
        "--cap-add SYS_PTRACE, or --security-opt seccomp=PROFILE)"},
    [PEER_CAUSE_CAPABILITY] = {"capability",
        "CAP_SYS_PTRACE is missing: start as root, or grant it (systemd: "
        "AmbientCapabilities=CAP_SYS_PTRACE; docker: --cap-add SYS_PTRACE)"},
    [PEER_CAUSE_KERNEL] = {"kernel", "it needs Linux 5.6"},
    [PEER_CAUSE_DESCRIPTORS] = {"descriptors",
        "the daemon or the machine has no more to give: raise LimitNOFILE, "
        "or free memory"},
    [PEER_CAUSE_OTHER] = {"other",
        "a security module, or a namespace of smtpd's, refuses it: the "
        "kernel's log (audit) may name it"},
};

const char *peer_cause_name(enum peer_cause cause)
{
    return causes[cause].name;
}

const char *peer_cause_format(const struct peer_refusal *refusal,
    enum peer_cause cause, char text_r[PEER_CAUSE_TEXT_SIZE])
{
    const char *error =
        refusal->error == 0 ? "names no process" : strerror(refusal->error);

    snprintf(text_r, PEER_CAUSE_TEXT_SIZE, "%s: %s; %s",
        step_names[refusal->step], error, causes[cause].remedy);
    return text_r;
}

/* False: it cannot be read. A final newline is left out. */
static bool read_word(const char *path, char *text_r, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1)
        return false;
    ssize_t len = read(fd, text_r, size - 1);
    close(fd);
    if (len < 0)
        return false;
    text_r[len] = '\0';
    text_r[strcspn(text_r, "\n")] = '\0';
    return true;
}

/* AppArmor's own file first: the other belongs to whoever is the first. */
static bool is_confined(void)
{
    char label[256];

    return (read_word(
                "/proc/self/attr/apparmor/current", label, sizeof label) ||
               read_word("/proc/self/attr/current", label, sizeof label)) &&
           label[0] != '\0' && strcmp(label, "unconfined") != 0;
}

/* The first one maps all ids to themselves. */
static bool has_own_users(void)
{
    char map[256];
    unsigned long inside, outside, count;

    return read_word("/proc/self/uid_map", map, sizeof map) &&
           (sscanf(map, "%lu %lu %lu", &inside, &outside, &count) != 3 ||
               inside != 0 || outside != 0 || count != 4294967295UL);
}

static int open_own_process(void)
{
    int pair[2], pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    socklen_t len = sizeof pidfd;

    if (pidfd != -1 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
        return pidfd;
    if (getsockopt(pair[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == -1)
        pidfd = -1;
    close(pair[0]);
    close(pair[1]);
    return pidfd;
}

static bool is_filtered(void)
{
    int pidfd = open_own_process();

    if (pidfd == -1)
        return false;
    int duplicate = (int)syscall(SYS_pidfd_getfd, pidfd, pidfd, 0);
    bool is_refused = duplicate == -1 && errno != EBADF;
    if (duplicate != -1)
        close(duplicate);
    close(pidfd);
    return is_refused;
}

static bool has_ptrace(void)
{
    struct __user_cap_header_struct header = {
        .version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];

    memset(sets, 0, sizeof sets);
    return syscall(SYS_capget, &header, sets) == 0 &&
           (sets[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective &
               CAP_TO_MASK(CAP_SYS_PTRACE)) != 0;
}

static bool is_old_kernel(void)
{
    struct utsname name;
    unsigned major, minor;

    return uname(&name) == 0 &&
           sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
           (major < 5 || (major == 5 && minor < 6));
}

void peer_setting_read(struct peer_setting *setting_r)
{
    char scope[8];

    *setting_r = (struct peer_setting){
        .is_yama_3 = read_word("/proc/sys/kernel/yama/ptrace_scope", scope,
                         sizeof scope) &&
                     strcmp(scope, "3") == 0,
        .is_confined = is_confined(),
        .has_own_users = has_own_users(),
        .is_filtered = is_filtered(),
        .has_ptrace = has_ptrace(),
        .is_old_kernel = is_old_kernel(),
    };
}

/* pidfd_getfd: all that may refuse ptrace. */
static enum peer_cause of_ptrace(const struct peer_setting *setting)
{
    if (setting->is_filtered)
        return PEER_CAUSE_SECCOMP;
    if (!setting->has_ptrace)
        return PEER_CAUSE_CAPABILITY;
    if (setting->is_yama_3)
        return PEER_CAUSE_YAMA;
    if (setting->is_confined)
        return PEER_CAUSE_APPARMOR;
    return setting->has_own_users ? PEER_CAUSE_USER_NAMESPACE
                                  : PEER_CAUSE_OTHER;
}

enum peer_cause peer_cause_find(
    const struct peer_refusal *refusal, const struct peer_setting *setting)
{
    if (refusal->step == PEER_STEP_NONE)
        return PEER_CAUSE_NONE;
    switch (refusal->error) {
    case 0:
        return PEER_CAUSE_PID_NAMESPACE;
    case ENOSYS:
        return setting->is_old_kernel ? PEER_CAUSE_KERNEL : PEER_CAUSE_SECCOMP;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return PEER_CAUSE_DESCRIPTORS;
    case EPERM:
    case EACCES:
        if (refusal->step == PEER_STEP_GETFD)
            return of_ptrace(setting);
        return refusal->error == EACCES && setting->is_confined
                   ? PEER_CAUSE_APPARMOR
                   : PEER_CAUSE_SECCOMP;
    default:
        return PEER_CAUSE_OTHER;
    }
}
