/*
 * peer_child.c - see peer_child.h.
 */
#include "tests/unit/peer_child.h"

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: what it does when it is told to go on. */
static void (*later)(void);
static int later_listener;
static bool is_far; /* its connection to us */

/* In the child: cmocka cannot fail there, so a mistake ends it, and the
 * parent fails because nobody connects. */
static int must(int result)
{
    if (result == -1)
        _exit(99);
    return result;
}

union end {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

static socklen_t loopback(int family, uint16_t port, union end *end)
{
    memset(end, 0, sizeof *end);
    end->any.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        end->ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        end->ipv4.sin_port = htons(port);
        return sizeof end->ipv4;
    }
    end->ipv6.sin6_addr = in6addr_loopback;
    end->ipv6.sin6_port = htons(port);
    return sizeof end->ipv6;
}

static uint16_t port_of(int fd)
{
    union end end;
    socklen_t len = sizeof end;

    must(getsockname(fd, &end.any, &len));
    return ntohs(
        end.any.sa_family == AF_INET ? end.ipv4.sin_port : end.ipv6.sin6_port);
}

int listen_at(int family)
{
    union end end;
    socklen_t len = loopback(family, 0, &end);
    int fd = must(socket(family, SOCK_STREAM, 0));

    must(bind(fd, &end.any, len));
    must(listen(fd, 5));
    return fd;
}

/* The client's end; it is in the same process, which must not matter. */
int connect_to(int listener, int family)
{
    union end end;
    socklen_t len = loopback(family, port_of(listener), &end);
    int fd = must(socket(family, SOCK_STREAM, 0));

    must(connect(fd, &end.any, len));
    return fd;
}

static int take_client(int listener)
{
    connect_to(listener, AF_INET);
    return must(accept(listener, NULL, NULL));
}

static void reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1};

    must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    close(fd);
}

/* What a child has; returns the port that the parent is to expect. */

uint16_t has_client(void)
{
    int listener = listen_at(AF_INET);

    take_client(listener);
    return port_of(listener);
}

static void take_another(void)
{
    take_client(later_listener);
}

uint16_t has_client_and_soon_another(void)
{
    later_listener = listen_at(AF_INET);
    later = take_another;
    take_client(later_listener);
    return port_of(later_listener);
}

uint16_t has_client_only(void)
{
    int listener = listen_at(AF_INET);
    uint16_t port = port_of(listener);

    take_client(listener);
    close(listener);
    return port;
}

uint16_t has_nothing(void)
{
    return 0;
}

uint16_t has_path_descriptor(void)
{
    must(open("/", O_PATH));
    return 0;
}

uint16_t has_no_unix_socket(void)
{
    is_far = true;
    return 0;
}

uint16_t has_listener_only(void)
{
    listen_at(AF_INET);
    return 0;
}

uint16_t has_reset_client(void)
{
    int listener = listen_at(AF_INET);
    int far = connect_to(listener, AF_INET);
    int near = must(accept(listener, NULL, NULL));

    must((int)write(far, "MAIL", 4));
    reset(far);
    char byte;
    while (recv(near, &byte, 1, 0) == 1)
        continue;
    return port_of(listener);
}

uint16_t has_reset_client_only(void)
{
    uint16_t port = has_reset_client();

    close(3); /* the listener: the first that was opened */
    return port;
}

uint16_t has_two_clients(void)
{
    int listener = listen_at(AF_INET);

    take_client(listener);
    take_client(listener);
    return 0;
}

uint16_t has_unbound_socket_too(void)
{
    uint16_t port = has_client();

    must(socket(AF_INET, SOCK_STREAM, 0));
    (void)port;
    return 0;
}

/* Tables, the resolver, a policy server over inet, the queue. */
uint16_t has_many_others(void)
{
    union end end;
    socklen_t len = loopback(AF_INET, 53, &end);
    int pair[2];
    int udp = must(socket(AF_INET, SOCK_DGRAM, 0));

    must(connect(udp, &end.any, len));
    must(socket(AF_INET, SOCK_DGRAM, 0));
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    must(pipe(pair));
    must(open("/dev/null", O_RDONLY));
    int listener = listen_at(AF_INET);
    take_client(listener);
    return port_of(listener);
}

/* A local submission whose tables are in a database over TCP. */
uint16_t has_table_over_inet(void)
{
    int listener = listen_at(AF_INET);

    connect_to(listener, AF_INET);
    close(listener);
    return 0;
}

uint16_t has_ipv6_client(void)
{
    int listener = listen_at(AF_INET6);

    connect_to(listener, AF_INET6);
    must(accept(listener, NULL, NULL));
    return port_of(listener);
}

uint16_t has_ipv6_client_only(void)
{
    uint16_t port = has_ipv6_client();

    close(3); /* the listener: the first that was opened */
    return port;
}

uint16_t has_ipv6_client_too(void)
{
    has_client();
    has_ipv6_client();
    return 0;
}

uint16_t has_mapped_client(void)
{
    union end end;
    socklen_t len = loopback(AF_INET6, 0, &end);
    int listener = must(socket(AF_INET6, SOCK_STREAM, 0));

    end.ipv6.sin6_addr = in6addr_any;
    must(bind(listener, &end.any, len));
    must(listen(listener, 5));
    take_client(listener);
    return port_of(listener);
}

uint16_t has_high_client(void)
{
    int listener = listen_at(AF_INET);
    int near = take_client(listener);

    must(dup2(near, 60));
    close(near);
    return port_of(listener);
}

/* Beyond any gap that Postfix leaves: not found, and not believed. */
uint16_t has_far_client(void)
{
    int listener = listen_at(AF_INET);
    int near = take_client(listener);

    must(dup2(near, 200));
    close(near);
    return 0;
}

static void child_run(const char *path, uint16_t (*arrange)(void), int report)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char byte;

    int moved = must(fcntl(report, F_DUPFD, 900)); /* out of the way */
    for (int fd = 0; fd < 900; fd++)
        close(fd);
    for (int fd = 0; fd < 3; fd++)
        must(open("/dev/null", O_RDWR));
    uint16_t port = arrange();
    must((int)write(moved, &port, sizeof port));
    close(moved);
    int fd = must(socket(AF_UNIX, SOCK_STREAM, 0));
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    if (is_far) { /* before the parent can look */
        int far = must(dup2(fd, 500));
        close(fd);
        fd = far;
    }
    must(connect(fd, (struct sockaddr *)&name, sizeof name));
    while (read(fd, &byte, 1) == 1) {
        later();
        must((int)write(fd, &byte, 1));
    }
    _exit(0);
}

void child_start(struct child *child, uint16_t (*arrange)(void))
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    int report[2];

    snprintf(child->path, sizeof child->path, "/tmp/tollgate-test-%d",
        (int)getpid());
    snprintf(name.sun_path, sizeof name.sun_path, "%s", child->path);
    unlink(child->path);
    assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(pipe(report), 0);
    child->pid = fork();
    if (child->pid == 0)
        child_run(child->path, arrange, report[1]);
    close(report[1]);
    assert_int_equal(
        read(report[0], &child->port, sizeof child->port), sizeof child->port);
    close(report[0]);
    child->fd = accept(listener, NULL, NULL);
    assert_int_not_equal(child->fd, -1);
    close(listener);
    unlink(child->path);
}

void child_go_on(const struct child *child)
{
    char byte = '\0';

    assert_int_equal(write(child->fd, &byte, 1), 1);
    assert_int_equal(read(child->fd, &byte, 1), 1);
}

void child_end(struct child *child)
{
    int status;

    close(child->fd);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
}
