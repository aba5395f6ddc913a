/*
 * unix_owner.h - who listens at a unix socket path now.
 *
 * Asks by connecting, because a socket file says nothing about whether anybody
 * still holds it. The one who answers sees a connection that closes at once.
 * Start-up only: may wait UNIX_OWNER_WAIT_MS for a listener whose backlog is
 * full.
 */
#ifndef TOLLGATE_NET_UNIX_OWNER_H
#define TOLLGATE_NET_UNIX_OWNER_H

#include <sys/types.h>

#define UNIX_OWNER_WAIT_MS   1000
#define UNIX_OWNER_NAME_SIZE 16

enum unix_owner_kind {
    UNIX_OWNER_NOTHING,     /* nothing at the path */
    UNIX_OWNER_DEAD,        /* a socket that nobody listens on */
    UNIX_OWNER_OURSELVES,   /* this very process */
    UNIX_OWNER_PREDECESSOR, /* the same program: its file or its name */
    UNIX_OWNER_STRANGER,    /* somebody else */
    UNIX_OWNER_NOT_SOCKET,  /* a file, a directory, a symbolic link */
    UNIX_OWNER_UNKNOWN,     /* error_number says why */
};

struct unix_owner {
    enum unix_owner_kind kind;
    pid_t pid; /* who called listen(2) last; 0: another PID namespace, or the
                  kernel does not tell */
    char name[UNIX_OWNER_NAME_SIZE]; /* "" where pid says nothing */
    int error_number;
};

/* Who listens at the path, as far as the kernel tells. */
struct unix_owner unix_owner_find(const char *path);

#endif
