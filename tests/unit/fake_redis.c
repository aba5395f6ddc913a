/* fake_redis.c - see fake_redis.h. */
#include "tests/unit/fake_redis.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void fake_drip(int fd, short events, void *context)
{
    struct fake_redis *fake = context;
    static const struct timeval next_turn = {0};
    if (fake->peer == NULL || fake->drip_at == fake->drip_len)
        return;
    (void)bufferevent_write(fake->peer, fake->drip_bytes + fake->drip_at++, 1);
    (void)evtimer_add(fake->drip, &next_turn);
}

void fake_redis_send(struct fake_redis *fake, const char *bytes, size_t len)
{
    if (!fake->is_slow) {
        (void)bufferevent_write(fake->peer, bytes, len);
        return;
    }
    if (fake->drip_len + len > sizeof fake->drip_bytes)
        abort();
    memcpy(fake->drip_bytes + fake->drip_len, bytes, len);
    fake->drip_len += len;
    fake_drip(-1, 0, fake);
}

static void fake_send_text(struct fake_redis *fake, const char *text)
{
    fake_redis_send(fake, text, strlen(text));
}

void fake_redis_hold(struct fake_redis *fake, const char *bytes, size_t len)
{
    if (fake->held_len + len > sizeof fake->held)
        abort();
    memcpy(fake->held + fake->held_len, bytes, len);
    fake->held_len += len;
}

void fake_redis_release(struct fake_redis *fake)
{
    fake->is_silent = false;
    fake_redis_send(fake, fake->held, fake->held_len);
    fake->held_len = 0;
}

void fake_redis_hang_up(struct fake_redis *fake)
{
    if (fake->peer != NULL)
        bufferevent_free(fake->peer);
    if (fake->reader != NULL)
        redisReaderFree(fake->reader);
    fake->peer = NULL;
    fake->reader = NULL;
    fake->held_len = 0;
    fake->drip_len = fake->drip_at = 0;
}

static void fake_echo(struct fake_redis *fake, const redisReply *argument)
{
    char bytes[256];
    int len = snprintf(bytes, sizeof bytes, "$%zu\r\n%s\r\n",
        (size_t)argument->len, argument->str);
    if (!fake->is_silent) {
        fake_redis_send(fake, bytes, (size_t)len);
        return;
    }
    fake_redis_hold(fake, bytes, (size_t)len);
}

static void fake_note(struct fake_redis *fake, const redisReply *command)
{
    for (size_t i = 0; i < command->elements; i++) {
        size_t left = sizeof fake->seen - fake->seen_len;
        int len = snprintf(fake->seen + fake->seen_len, left, "%s%s",
            command->element[i]->str, i + 1 == command->elements ? ";" : " ");
        if (len > 0 && (size_t)len < left)
            fake->seen_len += (size_t)len;
    }
}

static const char *or_good(const char *reply, const char *good)
{
    return reply == NULL ? good : reply;
}

static void fake_answer(struct fake_redis *fake, const redisReply *command)
{
    const char *name = command->element[0]->str;
    fake_note(fake, command);
    if (fake->on_command != NULL && fake->on_command(fake, command))
        return;
    if (strcasecmp(name, "AUTH") == 0)
        fake_send_text(fake, or_good(fake->auth_reply, "+OK\r\n"));
    else if (strcasecmp(name, "CLIENT") == 0)
        fake_send_text(fake, or_good(fake->name_reply, "+OK\r\n"));
    else if (strcasecmp(name, "SCRIPT") == 0)
        fake_send_text(
            fake, or_good(fake->script_reply, "$40\r\n" FAKE_SHA "\r\n"));
    else if (strcasecmp(name, "ECHO") == 0)
        fake_echo(fake, command->element[1]);
    else if (fake->mute_after == 0 || fake->others++ < fake->mute_after)
        fake_send_text(fake, "+OK\r\n");
}

static void fake_on_readable(struct bufferevent *bev, void *context)
{
    struct fake_redis *fake = context;
    struct evbuffer *input = bufferevent_get_input(bev);
    size_t len = evbuffer_get_length(input);
    void *command;
    (void)redisReaderFeed(
        fake->reader, (const char *)evbuffer_pullup(input, -1), len);
    (void)evbuffer_drain(input, len);
    while (fake->reader != NULL &&
           redisReaderGetReply(fake->reader, &command) == REDIS_OK &&
           command != NULL) {
        fake_answer(fake, command);
        freeReplyObject(command);
    }
}

static void fake_on_event(struct bufferevent *bev, short events, void *context)
{
    fake_redis_hang_up(context);
}

static void fake_on_accept(struct evconnlistener *listener, int fd,
    struct sockaddr *address, int len, void *context)
{
    struct fake_redis *fake = context;
    fake_redis_hang_up(fake);
    fake->accepted++;
    fake->reader = redisReaderCreate();
    fake->peer = bufferevent_socket_new(fake->base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(fake->peer, fake_on_readable, NULL, fake_on_event, fake);
    (void)bufferevent_enable(fake->peer, EV_READ | EV_WRITE);
}

static void fake_listen(
    struct fake_redis *fake, const struct sockaddr *address, int len)
{
    fake->listener = evconnlistener_new_bind(fake->base, fake_on_accept, fake,
        LEV_OPT_CLOSE_ON_FREE, -1, address, len);
    if (fake->listener == NULL)
        abort();
}

static void fake_listen_unix(struct fake_redis *fake)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char directory[] = "/tmp/tollgate-test.XXXXXX";
    if (mkdtemp(directory) == NULL)
        abort();
    (void)snprintf(fake->path, sizeof fake->path, "%s/redis.sock", directory);
    memcpy(address.sun_path, fake->path, strlen(fake->path) + 1);
    fake_listen(fake, (const struct sockaddr *)&address, sizeof address);
}

static void fake_listen_tcp(struct fake_redis *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fake_listen(fake, (const struct sockaddr *)&address, sizeof address);
    if (getsockname(evconnlistener_get_fd(fake->listener),
            (struct sockaddr *)&address, &len) == -1)
        abort();
    fake->port = ntohs(address.sin_port);
}

void fake_redis_start(
    struct fake_redis *fake, struct event_base *base, bool is_tcp)
{
    *fake = (struct fake_redis){.base = base};
    fake->drip = evtimer_new(base, fake_drip, fake);
    if (is_tcp)
        fake_listen_tcp(fake);
    else
        fake_listen_unix(fake);
}

void fake_redis_stop(struct fake_redis *fake)
{
    fake_redis_hang_up(fake);
    evconnlistener_free(fake->listener);
    event_free(fake->drip);
    if (fake->path[0] == '\0')
        return;
    (void)unlink(fake->path);
    *strrchr(fake->path, '/') = '\0';
    (void)rmdir(fake->path);
}
