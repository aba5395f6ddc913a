/*
 * outbox.c - collects commands over one pass of the loop, writes them at once.
 *
 * A bufferevent asks epoll whether it may write, writes, and tells epoll that
 * it need not know any more: three calls of the kernel a decision for what
 * nearly always works the first time. So the first write is tried directly.
 * What is left, and any error, is the bufferevent's, in the usual way; so is
 * everything under TLS.
 */
#include "common/redis/outbox.h"

#include "common/base/alloc.h"
#include "common/redis/command.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <stdlib.h>

struct redis_outbox {
    struct bufferevent *bev;
    bool is_bare; /* not encrypted: bytes may go to the socket as they are */
    struct evbuffer *bytes;
    struct event *flush;
    bool is_due; /* flush is active */
};

static void outbox_on_flush(int fd, short events, void *context)
{
    redis_outbox_flush(context);
}

struct redis_outbox *redis_outbox_new(struct event_base *base)
{
    struct redis_outbox *outbox = xcalloc(1, sizeof *outbox);
    outbox->bytes = evbuffer_new();
    outbox->flush = event_new(base, -1, 0, outbox_on_flush, outbox);
    if (outbox->bytes == NULL || outbox->flush == NULL)
        abort();
    return outbox;
}

void redis_outbox_free(struct redis_outbox **outbox)
{
    if (*outbox == NULL)
        return;
    event_free((*outbox)->flush);
    evbuffer_free((*outbox)->bytes);
    free(*outbox);
    *outbox = NULL;
}

void redis_outbox_aim(struct redis_outbox *outbox, struct bufferevent *bev)
{
    outbox->bev = bev;
    outbox->is_bare = bev != NULL && bufferevent_openssl_get_ssl(bev) == NULL;
    outbox->is_due = false;
    (void)event_del(outbox->flush);
    (void)evbuffer_drain(outbox->bytes, evbuffer_get_length(outbox->bytes));
}

bool redis_outbox_add(struct redis_outbox *outbox, int argc,
    const char *const *argv, const size_t *argv_len)
{
    if (!redis_command_add(outbox->bytes, argc, argv, argv_len))
        return false;
    if (!outbox->is_due)
        event_active(outbox->flush, 0, 0);
    outbox->is_due = true;
    return true;
}

void redis_outbox_flush(struct redis_outbox *outbox)
{
    outbox->is_due = false;
    if (outbox->bev == NULL)
        return;
    struct evbuffer *waiting = bufferevent_get_output(outbox->bev);
    if (outbox->is_bare && evbuffer_get_length(waiting) == 0)
        (void)evbuffer_write(outbox->bytes, bufferevent_getfd(outbox->bev));
    if (evbuffer_get_length(outbox->bytes) > 0)
        (void)bufferevent_write_buffer(outbox->bev, outbox->bytes);
}
