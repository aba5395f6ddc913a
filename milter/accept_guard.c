/*
 * accept_guard.c - see accept_guard.h.
 *
 * A mistake here lets forged mail in or stops all mail, so: whoever is not
 * known is unproven; who waits for the loop waits with a deadline, and goes to
 * libmilter, where he is judged again, if it was late; and what libmilter is
 * told of a connection that it does not get is ECONNABORTED, which it takes
 * for a client that has gone.
 */
#include "milter/accept_guard.h"

#include "common/base/alloc.h"
#include "common/engine/engine.h"
#include "common/net/peer_proof.h"
#include "milter/turnaway.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ASK_MS   100
#define CHECK_MS 10000
#define SPARE    64

/* What is known of a connection, from accept to its first callback. */
struct guarded {
    struct peer peer;
    bool is_fresh;
};

/* accept has no context. */
static struct {
    struct bridge *bridge;
    struct engine *engine; /* the loop's, as what follows */
    struct turnaways *turnaways;

    pthread_mutex_t lock; /* for the rest */
    bool wants_proof;
    uint64_t changes;
    struct peer_ports ports; /* of services that want proof */
    struct guarded *guarded; /* by descriptor */
    size_t guarded_count;
    bool has_accepted, has_met; /* for accept_guard_check */
} guard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local int last_read = -1;

/* In the loop */

void accept_guard_begin(
    struct bridge *bridge, struct engine *engine, struct turnaways *turnaways)
{
    guard.bridge = bridge;
    guard.engine = engine;
    guard.turnaways = turnaways;
    accept_guard_follow();
}

void accept_guard_follow(void)
{
    pthread_mutex_lock(&guard.lock);
    guard.wants_proof = engine_config(guard.engine)->wants_proof;
    guard.ports = *engine_ports(guard.engine);
    guard.changes++;
    pthread_mutex_unlock(&guard.lock);
}

void accept_guard_end(void)
{
    guard.turnaways = NULL;
}

struct question_of_peer {
    struct bridge_job job;
    struct peer peer;
    int fd;
    bool is_refused;
};

/* The descriptor is ours only if the one who asks still waits for the answer;
 * else libmilter has it. */
static void peer_question_run(struct bridge_job *job)
{
    struct question_of_peer *question = (struct question_of_peer *)job;
    const struct peer peer = question->peer;
    int fd = question->fd;

    bool is_refused =
        guard.turnaways != NULL && engine_refuses_peer(guard.engine, &peer);
    question->is_refused = is_refused;
    if (bridge_finish(job) && is_refused)
        turnaway_begin(guard.turnaways, fd, &peer);
}

/* In libmilter's listening thread */

/* Of this thread; its ports follow the loop's. */
static struct peer_prover *listener_prover(bool *wants_proof_r)
{
    static struct peer_prover prover;
    static uint64_t changes_seen;

    pthread_mutex_lock(&guard.lock);
    guard.has_accepted = true;
    *wants_proof_r = guard.wants_proof;
    if (changes_seen != guard.changes)
        prover.services = guard.ports;
    changes_seen = guard.changes;
    pthread_mutex_unlock(&guard.lock);
    return &prover;
}

static void guard_remember(int fd, const struct peer *peer)
{
    size_t at = (size_t)fd;

    pthread_mutex_lock(&guard.lock);
    if (at >= guard.guarded_count) {
        size_t count = at + SPARE;
        guard.guarded = xrealloc(guard.guarded, count * sizeof *guard.guarded);
        memset(guard.guarded + guard.guarded_count, 0,
            (count - guard.guarded_count) * sizeof *guard.guarded);
        guard.guarded_count = count;
    }
    guard.guarded[at] = (struct guarded){*peer, true};
    pthread_mutex_unlock(&guard.lock);
}

/* True: the loop has it. Only the port of a service that wants proof can lead
 * to that. */
static bool guard_turns_away(int fd, const struct peer *peer)
{
    struct question_of_peer *question = xcalloc(1, sizeof *question);

    question->job.run = peer_question_run;
    question->job.destroy = bridge_job_free;
    question->peer = *peer;
    question->fd = fd;
    if (!bridge_ask(guard.bridge, &question->job, ASK_MS))
        return false;
    bool is_refused = question->is_refused;
    free(question);
    return is_refused;
}

/* C names of our own, so that no declaration of the C library stands against
 * them. Exported: libmilter finds them only so. */
int guard_accept(int listener, struct sockaddr *, socklen_t *) __asm__(
    "accept");
ssize_t guard_read(int fd, void *, size_t) __asm__("read");

__attribute__((visibility("default"))) int guard_accept(
    int listener, struct sockaddr *address, socklen_t *len)
{
    struct peer peer = {.state = PEER_NOT_ASKED};
    bool wants_proof;

    int fd = accept4(listener, address, len, SOCK_CLOEXEC);
    if (fd == -1)
        return -1;
    struct peer_prover *prover = listener_prover(&wants_proof);
    if (wants_proof)
        peer_prove(prover, fd, &peer);
    if (wants_proof && peer.port != 0 &&
        peer_ports_has(&prover->services, peer.port) &&
        guard_turns_away(fd, &peer)) {
        errno = ECONNABORTED;
        return -1;
    }
    guard_remember(fd, &peer);
    return fd;
}

/* In every thread */

__attribute__((visibility("default"))) ssize_t guard_read(
    int fd, void *buffer, size_t size)
{
    last_read = fd;
    return syscall(SYS_read, fd, buffer, size);
}

void accept_guard_peer(struct peer *peer_r)
{
    size_t at = (size_t)last_read;

    pthread_mutex_lock(&guard.lock);
    *peer_r = (struct peer){
        .state = guard.wants_proof ? PEER_UNPROVEN : PEER_NOT_ASKED};
    if (last_read >= 0 && at < guard.guarded_count &&
        guard.guarded[at].is_fresh) {
        *peer_r = guard.guarded[at].peer;
        guard.guarded[at].is_fresh = false;
        guard.has_met = true;
    }
    pthread_mutex_unlock(&guard.lock);
}

/* At start */

static bool await_answer(int fd)
{
    static const unsigned char negotiate[] = {
        0, 0, 0, 13, 'O', 0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff};
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    char byte;

    return send(fd, negotiate, sizeof negotiate, MSG_NOSIGNAL) ==
               (ssize_t)sizeof negotiate &&
           poll(&answer, 1, CHECK_MS) == 1 &&
           recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
}

bool accept_guard_check(int fd, struct error *err)
{
    bool is_answered = await_answer(fd);

    close(fd);
    pthread_mutex_lock(&guard.lock);
    bool is_ours = guard.has_accepted && guard.has_met;
    pthread_mutex_unlock(&guard.lock);
    if (!is_answered)
        return error_set(err, "libmilter does not answer at our own socket");
    if (!is_ours)
        return error_set(err,
            "libmilter does not call our accept and read, so nobody can be "
            "proven at the milter: this program must export both, and "
            "libmilter must be a shared library that uses them");
    return true;
}
