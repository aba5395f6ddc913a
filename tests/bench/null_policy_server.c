/*
 * null_policy_server.c - the least that a policy server can be.
 *
 * Answers DUNNO to each read that ends in an empty line; looks at nothing
 * else, limits nothing, logs nothing. What it reaches on a machine is what
 * the kernel leaves for any policy server there, so it is the yardstick of
 * the policy face. Ends at the first signal.
 *
 * Usage: null_policy_server unix:PATH | inet:PORT (on 127.0.0.1)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (len >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        die(path);
    }
    memcpy(address.sun_path, path, len);
    unlink(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        die(path);
    return fd;
}

static int listen_inet(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        die(port);
    return fd;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
        die("epoll_ctl");
}

static void serve(int fd)
{
    static const char answer[] = "action=DUNNO\n\n";
    char data[8192];
    ssize_t got = read(fd, data, sizeof data);

    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            close(fd);
        return;
    }
    if (got < 2 || memcmp(data + got - 2, "\n\n", 2) != 0)
        return;
    if (write(fd, answer, sizeof answer - 1) == -1)
        close(fd);
}

static void loop(int listener)
{
    struct epoll_event events[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll == -1 || listen(listener, 1024) == -1)
        die("listen");
    watch(epoll, listener);
    for (;;) {
        int count = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != listener) {
                serve(events[i].data.fd);
                continue;
            }
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd != -1)
                watch(epoll, fd);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strncmp(argv[1], "unix:", 5) == 0)
        loop(listen_unix(argv[1] + 5));
    if (argc == 2 && strncmp(argv[1], "inet:", 5) == 0)
        loop(listen_inet(argv[1] + 5));
    fprintf(stderr, "usage: %s unix:PATH | inet:PORT\n", argv[0]);
    return 2;
}
