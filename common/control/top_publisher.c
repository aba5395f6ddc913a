/*
 * top_publisher.c - see top_publisher.h.
 *
 * What cannot be shown is shown five seconds later; a board that is not
 * renewed is forgotten by the store after 20. Records of what came (usages)
 * are written at its end, too.
 */
#include "common/control/top_publisher.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/engine/daemon.h"
#include "common/engine/tops.h"
#include "common/engine/usages.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#define EVERY_S 5

struct top_publisher {
    struct daemon *daemon;
    struct event *timer;
};

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct top_publisher *publisher = context;
    struct engine *engine = daemon_engine(publisher->daemon);
    struct store *store = engine_store(engine);
    char text[STORE_BOARD_MAX];

    if (engine_usages(engine) != NULL)
        usages_tend(
            engine_usages(engine), clock_monotonic_ms(), clock_wall_ms());
    if (!store_is_shared(store))
        return;
    size_t len = tops_write(
        engine_tops(engine), text, sizeof text, clock_monotonic_ms());
    if (len > 0)
        store_board_show(store, text, len);
}

struct top_publisher *top_publisher_new(struct daemon *daemon)
{
    struct top_publisher *publisher = xcalloc(1, sizeof *publisher);
    const struct timeval every = {.tv_sec = EVERY_S};

    publisher->daemon = daemon;
    publisher->timer =
        event_new(daemon_base(daemon), -1, EV_PERSIST, on_timer, publisher);
    assert(publisher->timer != NULL);
    event_add(publisher->timer, &every);
    return publisher;
}

void top_publisher_free(struct top_publisher **publisher)
{
    if (*publisher == NULL)
        return;
    struct usages *usages = engine_usages(daemon_engine((*publisher)->daemon));
    if (usages != NULL)
        usages_flush(usages, clock_monotonic_ms(), clock_wall_ms());
    event_free((*publisher)->timer);
    free(*publisher);
    *publisher = NULL;
}
