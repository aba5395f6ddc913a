/*
 * peer_cause.h - why the kernel refuses a question of the proof, and what an
 * administrator can do about it.
 *
 * One errno has many causes (EPERM of pidfd_getfd: Yama, AppArmor, a user
 * namespace, seccomp, a missing capability), so what this process runs under
 * is looked at, too.
 */
#ifndef TOLLGATE_NET_PEER_CAUSE_H
#define TOLLGATE_NET_PEER_CAUSE_H

#include "common/core/peer.h"

enum peer_cause {
    PEER_CAUSE_NONE, /* nothing was refused */
    PEER_CAUSE_YAMA,
    PEER_CAUSE_APPARMOR, /* or SELinux */
    PEER_CAUSE_USER_NAMESPACE,
    PEER_CAUSE_PID_NAMESPACE,
    PEER_CAUSE_SECCOMP,
    PEER_CAUSE_CAPABILITY,
    PEER_CAUSE_KERNEL, /* too old */
    PEER_CAUSE_DESCRIPTORS,
    PEER_CAUSE_OTHER,
    PEER_CAUSES,
};

/* What this process runs under. */
struct peer_setting {
    bool is_yama_3;
    bool is_confined;   /* by a profile of AppArmor or SELinux */
    bool has_own_users; /* a user namespace that is not the first */
    bool is_filtered;   /* pidfd_getfd is refused on this process itself */
    bool has_ptrace;    /* CAP_SYS_PTRACE */
    bool is_old_kernel; /* before 5.6 */
};

/* Reads files of /proc: microseconds. Never fails: what cannot be read is
 * taken for not so. */
void peer_setting_read(struct peer_setting *setting_r);

/* The most likely cause of a refused call, from what the system is set to. */
enum peer_cause peer_cause_find(
    const struct peer_refusal *, const struct peer_setting *);

/* A word, as the metric and `status` have it. */
const char *peer_cause_name(enum peer_cause);

/* "pidfd_getfd: Operation not permitted; what to do". */
#define PEER_CAUSE_TEXT_SIZE 512
const char *peer_cause_format(const struct peer_refusal *, enum peer_cause,
    char text_r[PEER_CAUSE_TEXT_SIZE]);

#endif
