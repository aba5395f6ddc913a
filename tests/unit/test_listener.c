/*
 * test_listener.c - accepting, pausing, stopping and being displaced, on real
 * sockets and a real loop.
 */
#include "common/net/listener.h"
#include "tests/unit/net_helper.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 200

struct scene {
    struct event_base *base;
    struct listener *listener;
    int accepted[CLIENTS_MAX];
    unsigned count, wanted;
    bool stop_at_first;
    int displaced; /* -1: never told */
};

static void scene_on_accept(int fd, void *context)
{
    struct scene *scene = context;
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    scene->accepted[scene->count++] = fd;
    if (scene->stop_at_first)
        listener_close(&scene->listener, true);
    if (scene->count == scene->wanted)
        event_base_loopbreak(scene->base);
}

static void scene_on_displaced(bool is_displaced, void *context)
{
    struct scene *scene = context;
    scene->displaced = is_displaced;
    event_base_loopbreak(scene->base);
}

/* Runs until a callback breaks the loop; false after ms. */
static bool scene_run(struct scene *scene, int ms)
{
    struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_base_loopexit(scene->base, &limit);
    event_base_dispatch(scene->base);
    return event_base_got_break(scene->base);
}

static bool scene_accepts(struct scene *scene, unsigned wanted, int ms)
{
    scene->wanted = wanted;
    return scene->count == wanted || scene_run(scene, ms);
}

static void scene_open(struct scene *scene,
    const struct config_listener *config, const struct cidr_list *allowed)
{
    struct listener_options options = {.mode = 0666,
        .group = (gid_t)-1,
        .owner = (uid_t)-1,
        .allowed_peers = allowed};
    struct listener_events events = {.on_accept = scene_on_accept,
        .on_displaced = scene_on_displaced,
        .context = scene};
    struct error err = {0};
    *scene = (struct scene){.base = event_base_new(), .displaced = -1};
    assert_int_equal(listener_open(config, &options, &scene->listener, &err),
        LISTENER_READY);
    assert_true(listener_start(scene->listener, scene->base, &events, &err));
}

static void scene_close(struct scene *scene)
{
    listener_close(&scene->listener, true);
    for (unsigned i = 0; i < scene->count; i++)
        close(scene->accepted[i]);
    event_base_free(scene->base);
}

static struct config_listener unix_config(struct test_dir *dir)
{
    static char text[] = "policy:unix:test", face[] = "policy";
    return (struct config_listener){
        .text = text, .face = face, .path = dir->socket};
}

static struct config_listener inet_config(uint16_t port)
{
    static char text[] = "policy:inet:test", face[] = "policy",
                host[] = "127.0.0.1";
    return (struct config_listener){.text = text,
        .face = face,
        .is_inet = true,
        .host = host,
        .port = port};
}

TEST_WITH(test_dir_setup, test_dir_teardown, accepts_more_than_one_batch)
{
    struct config_listener config = unix_config(*state);
    struct scene scene;
    int clients[CLIENTS_MAX];
    scene_open(&scene, &config, NULL);
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        assert_int_not_equal(clients[i] = connect_unix(config.path), -1);
    assert_true(scene_accepts(&scene, CLIENTS_MAX, 2000));
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        close(clients[i]);
    scene_close(&scene);
    assert_int_equal(access(config.path, F_OK), -1); /* unlinked: it was ours */
}

TEST_WITH(test_dir_setup, test_dir_teardown, serves_others_between_batches)
{
    struct config_listener config = unix_config(*state);
    struct scene scene;
    int clients[CLIENTS_MAX];
    scene_open(&scene, &config, NULL);
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        assert_int_not_equal(clients[i] = connect_unix(config.path), -1);
    event_base_loop(scene.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    assert_int_equal(scene.count, 64);
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        close(clients[i]);
    scene_close(&scene);
}

TEST_WITH(test_dir_setup, test_dir_teardown, may_be_closed_from_on_accept)
{
    struct config_listener config = unix_config(*state);
    struct scene scene;
    scene_open(&scene, &config, NULL);
    scene.stop_at_first = true;
    int first = connect_unix(config.path), second = connect_unix(config.path);
    assert_true(scene_accepts(&scene, 1, 1000));
    assert_null(scene.listener);
    assert_int_equal(scene.count, 1);
    close(first);
    close(second);
    scene_close(&scene);
}

TEST_WITH(test_dir_setup, test_dir_teardown, stops_accepting)
{
    struct config_listener config = unix_config(*state);
    struct scene scene;
    scene_open(&scene, &config, NULL);
    listener_stop(scene.listener);
    int client = connect_unix(config.path); /* waits in the backlog */
    assert_int_not_equal(client, -1);
    assert_false(scene_accepts(&scene, 1, 150));
    close(client);
    scene_close(&scene);
}

TEST_WITH(
    test_dir_setup, test_dir_teardown, pauses_without_descriptors_and_goes_on)
{
    struct config_listener config = unix_config(*state);
    struct scene scene;
    struct rlimit before, none;
    struct rusage start, end;
    scene_open(&scene, &config, NULL);
    int client = connect_unix(config.path);
    assert_int_not_equal(client, -1);

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)client; /* every lower one is in use */
    for (int fd; (fd = dup(client)) < client;)
        assert_int_not_equal(fd, -1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    getrusage(RUSAGE_SELF, &start);
    assert_false(scene_accepts(&scene, 1, 300));
    getrusage(RUSAGE_SELF, &end);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    long cpu_ms = (end.ru_utime.tv_sec - start.ru_utime.tv_sec) * 1000 +
                  (end.ru_utime.tv_usec - start.ru_utime.tv_usec) / 1000 +
                  (end.ru_stime.tv_sec - start.ru_stime.tv_sec) * 1000 +
                  (end.ru_stime.tv_usec - start.ru_stime.tv_usec) / 1000;
    assert_true(cpu_ms < 100); /* waited, did not spin */

    assert_true(scene_accepts(&scene, 1, 1000));
    close(client);
    scene_close(&scene);
}

TEST_WITH(test_dir_setup, test_dir_teardown, closes_peers_that_are_not_allowed)
{
    struct config_listener config = inet_config(free_port());
    struct cidr_list allowed = {0}, all = {0};
    struct scene scene;
    struct error err = {0};
    int nodelay = 0;
    char byte;
    socklen_t len = sizeof nodelay;
    assert_true(cidr_list_add(&allowed, "127.0.0.2", &err));
    assert_true(cidr_list_add(&all, "127.0.0.0/8", &err));
    scene_open(&scene, &config, &allowed);

    int refused = connect_inet("127.0.0.3", "127.0.0.1", config.port);
    int welcome = connect_inet("127.0.0.2", "127.0.0.1", config.port);
    assert_true(scene_accepts(&scene, 1, 1000));
    assert_int_equal(read(refused, &byte, 1), 0);
    assert_int_equal(
        getsockopt(scene.accepted[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, &len),
        0);
    assert_true(nodelay != 0);

    listener_allow_peers(scene.listener, &all);
    int now_welcome = connect_inet("127.0.0.3", "127.0.0.1", config.port);
    assert_true(scene_accepts(&scene, 2, 1000));
    close(refused);
    close(welcome);
    close(now_welcome);
    scene_close(&scene);
    cidr_list_clear(&allowed);
    cidr_list_clear(&all);
}

TEST_WITH(test_dir_setup, test_dir_teardown, ipv6_leaves_ipv4_free)
{
    static char any6[] = "::", any4[] = "0.0.0.0";
    struct config_listener four = inet_config(free_port()), six = four;
    struct listener_options options = {0};
    struct listener *first = NULL, *second = NULL, *third = NULL;
    struct error err = {0};
    four.host = any4;
    six.host = any6;
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    if (probe == -1)
        skip();
    close(probe);
    assert_int_equal(
        listener_open(&six, &options, &first, &err), LISTENER_READY);
    assert_int_equal(
        listener_open(&four, &options, &second, &err), LISTENER_READY);
    assert_int_equal(
        listener_open(&four, &options, &third, &err), LISTENER_FAILED);
    assert_non_null(strstr(err.text, "Address already in use"));
    assert_true(listener_fits(&six, listener_fd(first)));
    assert_false(listener_fits(&four, listener_fd(first)));
    listener_close(&first, true);
    listener_close(&second, true);
}

TEST_WITH(test_dir_setup, test_dir_teardown, notices_displacement_and_return)
{
    struct config_listener config = unix_config(*state);
    char aside[120];
    struct scene scene;
    (void)snprintf(aside, sizeof aside, "%s.aside", config.path);
    scene_open(&scene, &config, NULL);

    assert_int_equal(rename(config.path, aside), 0);
    int other = listen_by_hand(config.path);
    assert_true(scene_run(&scene, 2000));
    assert_int_equal(scene.displaced, 1);

    assert_int_equal(rename(aside, config.path), 0);
    assert_true(scene_run(&scene, 2000));
    assert_int_equal(scene.displaced, 0);
    close(other);
    scene_close(&scene);
}

TEST_WITH(test_dir_setup, test_dir_teardown, close_leaves_what_is_not_ours)
{
    struct config_listener config = unix_config(*state);
    struct scene scene;
    scene_open(&scene, &config, NULL);
    assert_int_equal(unlink(config.path), 0);
    int other = listen_by_hand(config.path);
    scene_close(&scene);
    assert_int_equal(access(config.path, F_OK), 0);

    assert_int_equal(unlink(config.path), 0);
    scene_open(&scene, &config, NULL);
    listener_close(&scene.listener, false); /* a successor has it */
    assert_int_equal(access(config.path, F_OK), 0);
    scene_close(&scene);
    close(other);
}

TEST_WITH(test_dir_setup, test_dir_teardown, adopts_what_was_bound_before)
{
    struct config_listener config = unix_config(*state), inet = inet_config(1);
    struct listener_options options = {.group = (gid_t)-1, .owner = (uid_t)-1};
    struct listener_events events = {
        .on_accept = scene_on_accept, .on_displaced = scene_on_displaced};
    struct scene scene, successor = {.displaced = -1};
    struct error err = {0};
    scene_open(&scene, &config, NULL);
    int fd = dup(listener_fd(scene.listener));
    assert_false(
        listener_adopt(&inet, fd, -1, &options, &successor.listener, &err));
    assert_true(
        listener_adopt(&config, fd, dup(listener_place_fd(scene.listener)),
            &options, &successor.listener, &err));
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    listener_close(&scene.listener, false);

    successor.base = event_base_new();
    events.context = &successor;
    assert_true(
        listener_start(successor.listener, successor.base, &events, &err));
    assert_int_not_equal(successor.displaced, 1);
    int client = connect_unix(config.path);
    assert_true(scene_accepts(&successor, 1, 1000));
    close(client);
    scene_close(&successor);
    assert_int_equal(access(config.path, F_OK), -1);
    scene_close(&scene);
}

/* systemd goes on listening there when we end, for our next start. */
TEST_WITH(test_dir_setup, test_dir_teardown, leaves_what_was_lent)
{
    struct config_listener config = unix_config(*state);
    struct listener_options options = {.group = (gid_t)-1, .owner = (uid_t)-1};
    struct listener *listener;
    struct error err = {0};
    int lender = listen_by_hand(config.path);
    assert_true(
        listener_adopt(&config, dup(lender), -1, &options, &listener, &err));
    assert_int_equal(listener_place_fd(listener), -1); /* so a successor too */
    listener_close(&listener, true);
    assert_int_equal(access(config.path, F_OK), 0);
    close(lender);
}

TEST_WITH(test_dir_setup, test_dir_teardown, adopted_may_be_displaced_already)
{
    struct test_dir *dir = *state;
    struct config_listener config = unix_config(dir);
    struct listener_options options = {.group = (gid_t)-1, .owner = (uid_t)-1};
    struct listener_events events = {
        .on_accept = scene_on_accept, .on_displaced = scene_on_displaced};
    struct scene scene = {.base = event_base_new(), .displaced = -1};
    struct error err = {0};
    int fd = listen_by_hand(dir->socket);
    assert_int_equal(unlink(dir->socket), 0);
    assert_true(
        listener_adopt(&config, fd, -1, &options, &scene.listener, &err));
    events.context = &scene;
    assert_true(listener_start(scene.listener, scene.base, &events, &err));
    assert_int_equal(scene.displaced, 1);
    scene_close(&scene);
}

RUN_TESTS(NULL, NULL)
