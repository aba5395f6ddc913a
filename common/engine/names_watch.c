/*
 * names_watch.c - see names_watch.h.
 */
#include "common/engine/names_watch.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/config/name_file.h"
#include "common/engine/engine.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

struct names_watch {
    struct engine *engine;
    struct event *timer;
};

static void on_time(evutil_socket_t fd, short what, void *context)
{
    const struct names_watch *watch = context;
    const struct config *config = engine_config(watch->engine);

    for (size_t i = 0; i < config->name_file_count; i++)
        name_file_look(config->name_files[i], clock_monotonic_ms());
}

struct names_watch *names_watch_new(
    struct event_base *base, struct engine *engine)
{
    const struct timeval every = {.tv_sec = 1};
    struct names_watch *watch = xcalloc(1, sizeof *watch);

    watch->engine = engine;
    watch->timer = event_new(base, -1, EV_PERSIST, on_time, watch);
    assert(watch->timer != NULL);
    event_add(watch->timer, &every);
    return watch;
}

void names_watch_free(struct names_watch **watch)
{
    if (*watch == NULL)
        return;
    event_free((*watch)->timer);
    free(*watch);
    *watch = NULL;
}
