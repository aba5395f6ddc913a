/*
 * bench_proof.c - what a proof of the TCP peer costs; prints one JSON object.
 *
 * The child has the descriptors of an smtpd: tables, sockets of other parts
 * of Postfix, two listeners, and its client at 13. Each figure is the median
 * of batches, so that what else the machine does stays out of it.
 */
#include "common/net/peer_proof.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 101
#define PROOFS  200

static void need(bool is_done, const char *what)
{
    if (is_done)
        return;
    perror(what);
    exit(1);
}

static uint64_t nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int listen_somewhere(struct sockaddr_in *end)
{
    socklen_t len = sizeof *end;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    *end = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    need(bind(fd, (struct sockaddr *)end, len) == 0 && listen(fd, 5) == 0 &&
             getsockname(fd, (struct sockaddr *)end, &len) == 0,
        "listen");
    return fd;
}

/* 3..5 files, 6 and 7 listeners, 8..12 pipes and files, 13 the client. */
static void be_smtpd(int client_of, struct sockaddr_in *end)
{
    struct sockaddr_in other;
    int asking = fcntl(client_of, F_DUPFD, 120);

    for (int fd = 3; fd < 6; fd++)
        need(dup2(open("/dev/null", O_RDONLY), fd) == fd, "dup2");
    int first = listen_somewhere(end);
    int second = listen_somewhere(&other);
    need(dup2(first, 106) == 106 && dup2(second, 107) == 107, "dup2");
    int far = socket(AF_INET, SOCK_STREAM, 0);
    need(connect(far, (struct sockaddr *)end, sizeof *end) == 0, "connect");
    need(dup2(accept(first, NULL, NULL), 113) == 113, "accept");
    for (int fd = 6; fd < 106; fd++)
        close(fd);
    need(dup2(106, 6) == 6 && dup2(107, 7) == 7 && dup2(113, 13) == 13, "dup2");
    for (int fd = 8; fd < 13; fd++)
        need(dup2(3, fd) == fd, "dup2");
    for (int fd = 106; fd < 114; fd++)
        close(fd);
    need(dup2(asking, 14) == 14, "dup2");
    close(asking);
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

/* ns for a proof. */
static double measure(int fd, bool by_pid)
{
    static struct peer_prover prover;
    uint64_t spans[BATCHES];
    struct peer peer;

    memset(&prover, 0, sizeof prover);
    prover.by_pid = by_pid;
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        uint64_t start = nanoseconds();
        for (unsigned i = 0; i < PROOFS; i++) {
            peer_prove(&prover, fd, &peer);
            need(peer.state == PEER_PROVEN, "no proof");
        }
        spans[batch] = nanoseconds() - start;
    }
    qsort(spans, BATCHES, sizeof spans[0], by_number);
    return (double)spans[BATCHES / 2] / PROOFS;
}

/* The other end must have been connected by the child: a socketpair's is its
 * maker's. */
int main(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    /* An abstract name: its first byte is 0. */
    snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "tollgate-bench-%d",
        (int)getpid());
    need(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 &&
             listen(listener, 1) == 0,
        "unix socket");
    pid_t child = fork();
    if (child == 0) {
        struct sockaddr_in end;
        char byte;
        close(listener);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        need(
            connect(fd, (struct sockaddr *)&name, sizeof name) == 0, "connect");
        be_smtpd(fd, &end);
        need(write(14, "r", 1) == 1, "write");
        _exit(read(14, &byte, 1) == 1);
    }
    int fd = accept(listener, NULL, NULL);
    char byte;
    need(read(fd, &byte, 1) == 1, "the child");
    printf("{\"proof_ns\": %.0f, \"proof_by_pid_ns\": %.0f}\n",
        measure(fd, false), measure(fd, true));
    close(fd);
    waitpid(child, NULL, 0);
    return 0;
}
