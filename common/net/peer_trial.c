/*
 * peer_trial.c - see peer_trial.h.
 *
 * The child makes a pair of unix sockets, which are its own in the kernel's
 * eyes, and hands us one end; the other is what a proof expects an smtpd to
 * have. Between fork and _exit it makes system calls only.
 */
#include "common/net/peer_trial.h"

#include "common/net/peer_proof.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_ID   65534 /* nobody */
#define CLOSE_UPTO 1024

/* A message with a descriptor in it. */
struct handed {
    char byte;
    struct iovec bytes;
    union {
        struct cmsghdr header; /* for its alignment */
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message;
};

static struct msghdr *handed_init(struct handed *handed)
{
    memset(handed, 0, sizeof *handed);
    handed->bytes = (struct iovec){&handed->byte, 1};
    handed->message = (struct msghdr){.msg_iov = &handed->bytes,
        .msg_iovlen = 1,
        .msg_control = &handed->control,
        .msg_controllen = sizeof handed->control};
    return &handed->message;
}

static bool hand_over(int channel, int fd)
{
    struct handed handed;
    struct msghdr *message = handed_init(&handed);
    struct cmsghdr *header = CMSG_FIRSTHDR(message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(channel, message, MSG_NOSIGNAL) == 1;
}

/* -1: the child has ended. */
static int take_over(int channel)
{
    struct handed handed;
    struct msghdr *message = handed_init(&handed);
    ssize_t got;
    int fd = -1;

    do
        got = recvmsg(channel, message, MSG_CMSG_CLOEXEC);
    while (got == -1 && errno == EINTR);
    struct cmsghdr *header = got == 1 ? CMSG_FIRSTHDR(message) : NULL;
    if (header != NULL && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

/* Nothing of the daemon's is to be found there; the channel is descriptor 0,
 * and one end of the pair is 1. */
static void be_smtpd(int channel)
{
    int pair[2];
    char byte;

    if (dup2(channel, 0) == -1)
        _exit(1);
    for (int fd = 1; fd < CLOSE_UPTO; fd++)
        close(fd);
    if (geteuid() == 0) { /* an only user has no other one to become */
        (void)!setresgid(OTHER_ID, OTHER_ID, OTHER_ID);
        (void)!setresuid(OTHER_ID, OTHER_ID, OTHER_ID);
    }
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 ||
        !hand_over(0, pair[1]))
        _exit(1);
    close(pair[1]);
    socket(AF_INET, SOCK_STREAM, 0); /* where there is IPv4 */
    (void)!write(0, "r", 1);
    (void)!read(0, &byte, 1);
    _exit(0);
}

static struct peer_refusal try_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd != -1)
        close(fd);
    else if (errno != EAFNOSUPPORT)
        return (struct peer_refusal){PEER_STEP_SOCKET, errno};
    return (struct peer_refusal){PEER_STEP_NONE, 0};
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
        continue;
}

bool peer_trial_begin(struct peer_trial *trial, struct error *err)
{
    int channel[2];
    char byte;

    trial->socket = try_socket();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) == -1)
        return error_set(err, "socketpair: %s", strerror(errno));
    trial->pid = fork();
    if (trial->pid == 0)
        be_smtpd(channel[1]);
    int error = errno;
    close(channel[1]);
    trial->fd = trial->pid == -1 ? -1 : take_over(channel[0]);
    bool is_there = trial->fd != -1 && read(channel[0], &byte, 1) == 1;
    if (is_there) {
        trial->channel = channel[0];
        return true;
    }
    close(channel[0]);
    if (trial->pid == -1)
        return error_set(err, "fork: %s", strerror(error));
    if (trial->fd != -1)
        close(trial->fd);
    end_child(trial->pid);
    return error_set(err, "a child that was to be looked at ended");
}

void peer_trial_end(struct peer_trial *trial, struct peer_refusal *refusal_r)
{
    struct peer_prover prover;
    struct peer peer;

    memset(&prover, 0, sizeof prover);
    peer_prove(&prover, trial->fd, &peer);
    *refusal_r = peer.refusal;
    if (refusal_r->step == PEER_STEP_NONE)
        *refusal_r = trial->socket;
    close(trial->fd);
    close(trial->channel);
    end_child(trial->pid);
}
