/*
 * announcer.c - see announcer.h.
 *
 * A name that cannot be written is no error: `show` has the id alone then.
 */
#include "common/control/announcer.h"

#include "common/base/alloc.h"
#include "common/engine/daemon.h"
#include "common/store/store_inspect.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_S 1
#define AGAIN_S 60

struct announcer {
    struct daemon *daemon;
    struct event *timer;
};

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct announcer *announcer = context;
    const struct timeval again = {.tv_sec = AGAIN_S};
    struct engine *engine = daemon_engine(announcer->daemon);
    const char *program = strchr(daemon_program(announcer->daemon), '-');

    char *name = xprintf("%s/%s", engine_config(engine)->instance_name,
        program != NULL ? program + 1 : daemon_program(announcer->daemon));
    store_announce(engine_store(engine), name);
    free(name);
    event_add(announcer->timer, &again);
}

struct announcer *announcer_new(struct daemon *daemon)
{
    struct announcer *announcer = xcalloc(1, sizeof *announcer);
    const struct timeval first = {.tv_sec = FIRST_S};

    announcer->daemon = daemon;
    announcer->timer = evtimer_new(daemon_base(daemon), on_timer, announcer);
    assert(announcer->timer != NULL);
    event_add(announcer->timer, &first);
    return announcer;
}

void announcer_free(struct announcer **announcer)
{
    if (*announcer == NULL)
        return;
    event_free((*announcer)->timer);
    free(*announcer);
    *announcer = NULL;
}
