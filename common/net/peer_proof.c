/*
 * peer_proof.c - see peer_proof.h.
 *
 * The smtpd that asks waits for our answer, so its descriptors stand still
 * while they are looked at. Whatever is not exactly as expected is no proof:
 * a client that sent everything and then a RST is ENOTCONN here, and its mail
 * would be accepted if that counted for anything.
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

static int open_by_pid(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1 ||
        peer.pid <= 0)
        return -1;
    return (int)syscall(SYS_pidfd_open, peer.pid, 0);
}

static int open_process(struct peer_prover *prover, int fd)
{
    int pidfd = -1;
    socklen_t len = sizeof pidfd;

    if (!prover->by_pid) {
        if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
            return pidfd;
        if (errno != ENOPROTOOPT)
            return -1;
        prover->by_pid = true;
    }
    return open_by_pid(fd);
}

/*
 * A pid may have gone to another process before it was opened; but while the
 * other end of our connection is open, its owner lives. Asked after the
 * opening, this says that the pidfd is the right one.
 */
static bool is_still_there(int fd, int pidfd)
{
    struct pollfd ends[] = {
        {.fd = fd, .events = POLLRDHUP}, {.fd = pidfd, .events = POLLIN}};

    return poll(ends, 2, 0) == 0;
}

/* Closed before anything else can happen. */
static enum peer_socket_kind look_at(
    int pidfd, int number, struct peer_socket *socket_r)
{
    int duplicate = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);

    if (duplicate == -1)
        return errno == EBADF ? PEER_SOCKET_CLOSED : PEER_SOCKET_REFUSED;
    enum peer_socket_kind kind = peer_socket_read(duplicate, socket_r);
    close(duplicate);
    return kind;
}

/* Where the last client was; its port tells that this is a client again. */
static bool prove_at(const struct peer_prover *prover, int pidfd, int number,
    struct peer *peer_r)
{
    struct peer_socket socket;

    if (number <= 0 ||
        look_at(pidfd, number, &socket) != PEER_SOCKET_CONNECTED ||
        (!peer_ports_has(&prover->services, socket.port) &&
            !peer_ports_has(&prover->seen, socket.port)))
        return false;
    *peer_r = (struct peer){
        .state = PEER_PROVEN, .address = socket.address, .port = socket.port};
    return true;
}

/* What a walk over a process's descriptors has met. */
struct walk {
    uint16_t listeners[LISTENERS_MAX];
    size_t listener_count;
    struct {
        enum peer_socket_kind kind; /* CONNECTED or GONE */
        struct peer_socket socket;
        int number;
    } clients[LISTENERS_MAX];
    size_t client_count;
};

/* False: too much to remember, or not allowed to look. */
static bool walk_meet(struct walk *walk, enum peer_socket_kind kind,
    const struct peer_socket *socket, int number)
{
    switch (kind) {
    case PEER_SOCKET_REFUSED:
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
        walk->clients[walk->client_count].socket = *socket;
        walk->clients[walk->client_count++].number = number;
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
    for (int number = 0; number < WALK_END && gap < WALK_GAP; number++) {
        enum peer_socket_kind kind = look_at(pidfd, number, &socket);
        gap = kind == PEER_SOCKET_CLOSED ? gap + 1 : 0;
        if (!walk_meet(walk, kind, &socket, number))
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

static void walk_judge(struct peer_prover *prover, const struct walk *walk,
    int *hint, struct peer *peer_r)
{
    size_t found = 0, at = 0;

    for (size_t i = 0; i < walk->listener_count; i++)
        peer_ports_add(&prover->seen, walk->listeners[i]);
    for (size_t i = 0; i < walk->client_count; i++) {
        if (!is_client(prover, walk, &walk->clients[i].socket))
            continue;
        found++;
        at = i;
    }
    if (found == 0 && walk->listener_count == 0)
        peer_r->state = walk->client_count == 0 ? PEER_LOCAL : PEER_ELSEWHERE;
    if (found != 1)
        return;
    peer_r->port = walk->clients[at].socket.port;
    if (walk->clients[at].kind != PEER_SOCKET_CONNECTED)
        return;
    peer_r->state = PEER_PROVEN;
    peer_r->address = walk->clients[at].socket.address;
    *hint = prover->last_fd = walk->clients[at].number;
}

static void prove_process(
    struct peer_prover *prover, int pidfd, int *hint, struct peer *peer_r)
{
    struct walk walk;

    if (prove_at(prover, pidfd, *hint != 0 ? *hint : prover->last_fd, peer_r)) {
        if (*hint == 0)
            *hint = prover->last_fd;
        return;
    }
    if (walk_over(&walk, pidfd))
        walk_judge(prover, &walk, hint, peer_r);
}

static bool is_unix(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t len = sizeof domain;

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
           domain == AF_UNIX;
}

void peer_prove(
    struct peer_prover *prover, int fd, int *hint, struct peer *peer_r)
{
    *peer_r = (struct peer){.state = PEER_UNPROVEN};
    int pidfd = open_process(prover, fd);
    if (pidfd == -1) {
        if (!is_unix(fd))
            peer_r->state = PEER_INET;
        return;
    }
    prove_process(prover, pidfd, hint, peer_r);
    if (prover->by_pid && !is_still_there(fd, pidfd))
        *peer_r = (struct peer){.state = PEER_UNPROVEN};
    close(pidfd);
}

static bool check_getfd(int pidfd, struct error *err)
{
    int duplicate = (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);

    if (duplicate != -1)
        close(duplicate);
    else if (errno != EBADF)
        return error_set(err,
            "pidfd_getfd: %s; it needs Linux 5.6, and in a container a seccomp "
            "profile that allows it",
            strerror(errno));
    return true;
}

bool peer_proof_check(struct error *err)
{
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

    if (pidfd == -1)
        return error_set(
            err, "pidfd_open: %s; it needs Linux 5.6", strerror(errno));
    bool is_possible = check_getfd(pidfd, err);
    close(pidfd);
    return is_possible;
}
