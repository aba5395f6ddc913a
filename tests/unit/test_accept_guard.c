/*
 * test_accept_guard.c - accept and read as libmilter calls them, in a process
 * that has a TCP client itself: whose peer is it, and what if nobody answers?
 * What becomes of somebody who is turned away, test_milter_guard.py shows.
 */
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/engine.h"
#include "milter/accept_guard.h"
#include "milter/turnaway.h"
#include "tests/unit/fake_store.h"
#include "tests/unit/peer_child.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct event_base *base;
static struct bridge *bridge;
static uint16_t port; /* where this process has its client */
static struct engine *engine;
static struct config *config;
static int listener;
static int turned_away; /* the descriptor; -1: none */

/* In its place, which is the loop. */
void turnaway_begin(struct turnaways *owner, int fd, const struct peer *peer)
{
    assert_int_equal(peer->port, port);
    turned_away = fd;
}

static struct config *load(const char *text)
{
    char path[] = "/tmp/tollgate-test-XXXXXX";
    const struct config_source source = {.path = path};
    struct error err;
    int fd = mkstemp(path);

    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct config *loaded = config_load(&source, &err);
    unlink(path);
    if (loaded == NULL)
        fail_msg("%s", err.text);
    return loaded;
}

/* service: what its section says besides. */
static void follow(const char *service)
{
    char text[256];

    engine_free(&engine);
    config_unref(&config);
    snprintf(text, sizeof text, "service \"x\" { %s }\n", service);
    config = load(text);
    engine = engine_new(NULL, config);
    turned_away = -1;
    accept_guard_begin(bridge, engine, (struct turnaways *)&turned_away);
}

static void follow_port(const char *service)
{
    char text[256];

    snprintf(text, sizeof text, "port = %u %s", port, service);
    follow(text);
}

/* A connection from this process, and what accept makes of it. */
static int come(int *near_r)
{
    struct sockaddr_un name;
    socklen_t len = sizeof name;

    *near_r = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &len), 0);
    assert_int_equal(connect(*near_r, (struct sockaddr *)&name, len), 0);
    assert_int_equal(send(*near_r, "xx", 2, 0), 2);
    return accept(listener, NULL, NULL);
}

static enum peer_state state_after_read(int fd, struct peer *peer_r)
{
    char byte;

    assert_int_equal(read(fd, &byte, 1), 1);
    accept_guard_peer(peer_r);
    return peer_r->state;
}

static enum peer_state state_of_one(struct peer *peer_r)
{
    int near, fd = come(&near);

    assert_int_not_equal(fd, -1);
    enum peer_state state = state_after_read(fd, peer_r);
    close(near);
    close(fd);
    return state;
}

TEST(nobody_wants_proof)
{
    struct peer peer;

    follow("names = { \"x\" }");
    assert_int_equal(state_of_one(&peer), PEER_NOT_ASKED);
}

TEST(a_client_is_found)
{
    struct peer peer;

    follow("proxied = true trusted_proxies = { \"192.0.2.1\" }");
    assert_int_equal(state_of_one(&peer), PEER_PROVEN);
    assert_int_equal(peer.port, port);
}

/* A descriptor comes again with each connection; what was known of the last
 * one is nobody's. */
TEST(a_connection_is_known_once)
{
    struct peer peer;
    int near;

    follow("proxied = true trusted_proxies = { \"192.0.2.1\" }");
    int fd = come(&near);
    assert_int_equal(state_after_read(fd, &peer), PEER_PROVEN);
    assert_int_equal(state_after_read(fd, &peer), PEER_UNPROVEN);
    assert_int_equal(peer.port, 0);
    close(near);
    close(fd);
}

TEST(a_descriptor_of_others)
{
    struct peer peer;
    int ends[2];

    follow("proxied = true trusted_proxies = { \"192.0.2.1\" }");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(send(ends[0], "x", 1, 0), 1);
    assert_int_equal(state_after_read(ends[1], &peer), PEER_UNPROVEN);
    close(ends[0]);
    close(ends[1]);
}

static void *turn_once(void *context)
{
    event_base_loop(base, EVLOOP_ONCE);
    return NULL;
}

/* Comes while the loop turns: what accept says, with errno. */
static int come_to_the_loop(int *near_r)
{
    pthread_t loop;

    assert_int_equal(pthread_create(&loop, NULL, turn_once, NULL), 0);
    int fd = come(near_r);
    int error = errno;
    pthread_join(loop, NULL);
    errno = error;
    return fd;
}

TEST(a_stranger_is_turned_away)
{
    int near;

    follow_port("proxied = true trusted_proxies = { \"192.0.2.1\" }");
    assert_int_equal(come_to_the_loop(&near), -1);
    assert_int_equal(errno, ECONNABORTED);
    assert_int_not_equal(turned_away, -1);
    close(turned_away);
    close(near);
}

TEST(a_proxy_is_let_in)
{
    struct peer peer;
    int near;

    follow_port("proxied = true trusted_proxies = { \"127.0.0.1\" }");
    int fd = come_to_the_loop(&near);
    assert_int_equal(state_after_read(fd, &peer), PEER_PROVEN);
    assert_int_equal(turned_away, -1);
    close(near);
    close(fd);
}

/* The loop does not turn, so nobody says who is to be turned away: libmilter
 * gets him, and with him what is known. */
TEST(the_loop_is_late)
{
    uint64_t began_ms = clock_monotonic_ms();
    struct peer peer;

    follow_port("proxied = true trusted_proxies = { \"192.0.2.1\" }");
    assert_int_equal(state_of_one(&peer), PEER_PROVEN);
    assert_int_equal(peer.port, port);
    assert_true(clock_monotonic_ms() - began_ms >= 100);
}

/* It turns once more, after the one who asked has given up: it must not take
 * a descriptor that is libmilter's by now. */
TEST(a_late_loop_takes_nothing)
{
    struct peer peer;
    int near;

    follow_port("proxied = true trusted_proxies = { \"192.0.2.1\" }");
    int fd = come(&near);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(state_after_read(fd, &peer), PEER_PROVEN);
    assert_int_equal(turned_away, -1);
    close(near);
    close(fd);
}

TEST(the_loop_has_ended)
{
    struct peer peer;

    follow_port("proxied = true trusted_proxies = { \"192.0.2.1\" }");
    bridge_close(bridge);
    assert_int_equal(state_of_one(&peer), PEER_PROVEN);
}

static int set_up(void **state)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct error err;

    if (!log_open(
            "file:/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "test", &err))
        return -1;
    base = event_base_new();
    bridge = bridge_new(base, &err);
    follow("names = { \"x\" }");
    port = has_client();
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    return bind(listener, (struct sockaddr *)&name, sizeof(sa_family_t)) == -1
               ? -1
               : listen(listener, 5);
}

static int tear_down(void **state)
{
    engine_free(&engine);
    config_unref(&config);
    event_base_free(base);
    return 0;
}

RUN_TESTS(set_up, tear_down)
