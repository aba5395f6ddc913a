/*
 * peer_proof.c - see peer_proof.h.
 *
 * The smtpd that asks waits for our answer, so its descriptors stand still
 * while they are looked at. All are looked at each time (20 µs): a number that
 * is remembered would not show that a second client has come. Whatever is not
 * exactly as expected is no proof: a client that sent everything and then a RST
 * is ENOTCONN here, and its mail would be accepted if that counted for
 * anything.
 *
 * Source: pidfd_open(2), pidfd_getfd(2), unix(7); Linux 6.5 for SO_PEERPIDFD,
 * 5.6 for the rest.
 */
#include "common/net/peer_proof.h"

#include "common/net/peer_socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define WALK_GAP      64   /* so many closed in a row: no more will come */
#define WALK_END      1024 /* Postfix opens fewer by far */
#define LISTENERS_MAX 64   /* of one process */

void peer_ports_add(struct peer_ports *ports, uint16_t port)
{
    ports->bits[port / 64] |= UINT64_C(1) << port % 64;
}

bool peer_ports_has(const struct peer_ports *ports, uint16_t port)
{
    return (ports->bits[port / 64] >> port % 64 & 1) != 0;
}

static void refuse(struct peer *peer_r, enum peer_step step, int error)
{
    *peer_r = (struct peer){
        .state = PEER_UNPROVEN, .refusal = {.step = step, .error = error}};
}

/* -1: *peer_r says why, as below. */
static int open_by_pid(int fd, struct peer *peer_r)
{
    struct ucred process;
    socklen_t len = sizeof process;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &len) == -1) {
        refuse(peer_r, PEER_STEP_PEERCRED, errno);
        return -1;
    }
    if (process.pid <= 0) {
        refuse(peer_r, PEER_STEP_PEERCRED, 0);
        return -1;
    }
    int pidfd = (int)syscall(SYS_pidfd_open, process.pid, 0);
    if (pidfd == -1)
        refuse(peer_r, PEER_STEP_PIDFD_OPEN, errno);
    return pidfd;
}

static int open_process(struct peer_prover *prover, int fd, struct peer *peer_r)
{
    int pidfd = -1;
    socklen_t len = sizeof pidfd;

    if (!prover->by_pid) {
        if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
            return pidfd;
        if (errno != ENOPROTOOPT) {
            refuse(peer_r, PEER_STEP_PEERPIDFD, errno);
            return -1;
        }
        prover->by_pid = true;
    }
    return open_by_pid(fd, peer_r);
}

/*
 * A pid may have gone to another process before it was opened; but while the
 * other end of our connection is open, its owner lives. Asked after the
 * opening, this says that the pidfd is the right one.
 */
static void check_still_there(int fd, int pidfd, struct peer *peer_r)
{
    struct pollfd ends[] = {
        {.fd = fd, .events = POLLRDHUP}, {.fd = pidfd, .events = POLLIN}};
    int ended = poll(ends, 2, 0);

    if (ended == -1)
        refuse(peer_r, PEER_STEP_POLL, errno);
    else if (ended > 0)
        *peer_r = (struct peer){.state = PEER_UNPROVEN};
}

/* Closed before anything else can happen. */
static enum peer_socket_kind look_at(
    int pidfd, int number, struct peer_socket *socket_r)
{
    int duplicate = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);

    if (duplicate == -1 && errno == EBADF)
        return PEER_SOCKET_CLOSED;
    if (duplicate == -1) {
        socket_r->refusal = (struct peer_refusal){PEER_STEP_GETFD, errno};
        return PEER_SOCKET_REFUSED;
    }
    enum peer_socket_kind kind = peer_socket_read(duplicate, socket_r);
    close(duplicate);
    return kind;
}

/* What a walk over a process's descriptors has met. */
struct walk {
    uint16_t listeners[LISTENERS_MAX];
    size_t listener_count;
    struct {
        enum peer_socket_kind kind; /* CONNECTED or GONE */
        struct peer_socket socket;
    } clients[LISTENERS_MAX];
    size_t client_count;
    bool has_unix_socket;
    struct peer_refusal refusal;
};

/* False: too much to remember, or not allowed to look. */
static bool walk_meet(struct walk *walk, enum peer_socket_kind kind,
    const struct peer_socket *socket)
{
    switch (kind) {
    case PEER_SOCKET_REFUSED:
        walk->refusal = socket->refusal;
        return false;
    case PEER_SOCKET_LISTENING:
        if (walk->listener_count == LISTENERS_MAX)
            return false;
        walk->listeners[walk->listener_count++] = socket->port;
        return true;
    case PEER_SOCKET_CONNECTED:
    case PEER_SOCKET_GONE:
        if (walk->client_count == LISTENERS_MAX)
            return false;
        walk->clients[walk->client_count].kind = kind;
        walk->clients[walk->client_count++].socket = *socket;
        return true;
    case PEER_SOCKET_UNIX:
        walk->has_unix_socket = true;
        return true;
    case PEER_SOCKET_CLOSED:
    case PEER_SOCKET_OTHER:
        break;
    }
    return true;
}

static bool walk_over(struct walk *walk, int pidfd)
{
    struct peer_socket socket = {.port = 0};
    int gap = 0;

    walk->listener_count = 0;
    walk->client_count = 0;
    walk->has_unix_socket = false;
    walk->refusal = (struct peer_refusal){PEER_STEP_NONE, 0};
    for (int number = 0; number < WALK_END && gap < WALK_GAP; number++) {
        enum peer_socket_kind kind = look_at(pidfd, number, &socket);
        gap = kind == PEER_SOCKET_CLOSED ? gap + 1 : 0;
        if (!walk_meet(walk, kind, &socket))
            return false;
    }
    return true;
}

/* A socket without a port has lost it: it may have been any client's. */
static bool is_client(const struct peer_prover *prover, const struct walk *walk,
    const struct peer_socket *socket)
{
    if (socket->port == 0 || peer_ports_has(&prover->services, socket->port))
        return true;
    for (size_t i = 0; i < walk->listener_count; i++)
        if (walk->listeners[i] == socket->port)
            return true;
    return false;
}

static void walk_judge(const struct peer_prover *prover,
    const struct walk *walk, struct peer *peer_r)
{
    size_t found = 0, at = 0;

    for (size_t i = 0; i < walk->client_count; i++) {
        if (!is_client(prover, walk, &walk->clients[i].socket))
            continue;
        found++;
        at = i;
    }
    if (found == 0 && walk->listener_count == 0 && walk->has_unix_socket)
        peer_r->state = walk->client_count == 0 ? PEER_LOCAL : PEER_ELSEWHERE;
    if (found != 1)
        return;
    peer_r->port = walk->clients[at].socket.port;
    if (walk->clients[at].kind != PEER_SOCKET_CONNECTED)
        return;
    peer_r->state = PEER_PROVEN;
    peer_r->address = walk->clients[at].socket.address;
}

static void prove_process(
    const struct peer_prover *prover, int pidfd, struct peer *peer_r)
{
    struct walk walk;

    if (walk_over(&walk, pidfd))
        walk_judge(prover, &walk, peer_r);
    else
        peer_r->refusal = walk.refusal;
}

/* No process could be named: is that because our connection is no unix
 * socket? Otherwise *peer_r stays. */
static void check_is_unix(int fd, struct peer *peer_r)
{
    int domain;
    socklen_t len = sizeof domain;

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == -1)
        refuse(peer_r, PEER_STEP_DOMAIN, errno);
    else if (domain == AF_INET || domain == AF_INET6)
        *peer_r = (struct peer){.state = PEER_INET};
}

/* The kernel has several errors for a process that has ended; they are no
 * refusals if our connection has ended with it. */
static void check_is_gone(int fd, struct peer *peer_r)
{
    struct pollfd end = {.fd = fd, .events = POLLRDHUP};
    int error = peer_r->refusal.error;

    if ((error == ESRCH || error == EINVAL || error == ENODATA) &&
        poll(&end, 1, 0) == 1)
        *peer_r = (struct peer){.state = PEER_UNPROVEN};
}

void peer_prove(struct peer_prover *prover, int fd, struct peer *peer_r)
{
    *peer_r = (struct peer){.state = PEER_UNPROVEN};
    int pidfd = open_process(prover, fd, peer_r);
    if (pidfd == -1) {
        check_is_unix(fd, peer_r);
    } else {
        prove_process(prover, pidfd, peer_r);
        if (prover->by_pid)
            check_still_there(fd, pidfd, peer_r);
        close(pidfd);
    }
    if (peer_r->refusal.step != PEER_STEP_NONE)
        check_is_gone(fd, peer_r);
}
