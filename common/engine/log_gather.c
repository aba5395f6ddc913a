/*
 * log_gather.c - see log_gather.h.
 */
#include "common/engine/log_gather.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/hash.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define PLACES      1024
#define INTERVAL_MS 1000

struct place {
    uint64_t hash;
    uint64_t until_ms; /* no line before; 0: never used */
    uint32_t repeated; /* refusals that the held line stands for; 0: none */
    uint32_t len;
    char *held; /* len bytes of a record */
};

struct log_gather {
    struct event *timer;
    struct hash_key key;
    struct place *current; /* between begin and end, */
    uint64_t now_ms;       /* and the time of begin */
    struct place places[PLACES];
};

static void place_write(struct place *place, uint64_t now_ms)
{
    struct log_record record = {.level = LOG_LEVEL_INFO, .len = place->len};

    memcpy(record.text, place->held, place->len + 1);
    if (place->repeated > 1)
        log_record_number(&record, "repeated", place->repeated);
    log_record_end(&record);
    free(place->held);
    place->held = NULL;
    place->repeated = 0;
    place->until_ms = now_ms + INTERVAL_MS;
}

/* Those whose second is over at now_ms. In how many ms the next one's is; 0:
 * nothing is held. */
static uint64_t write_due(struct log_gather *gather, uint64_t now_ms)
{
    uint64_t next_ms = 0;

    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &gather->places[i];
        if (place->repeated == 0)
            continue;
        if (place->until_ms <= now_ms)
            place_write(place, now_ms);
        else if (next_ms == 0 || place->until_ms - now_ms < next_ms)
            next_ms = place->until_ms - now_ms;
    }
    return next_ms;
}

static void wake_in(struct log_gather *gather, uint64_t after_ms)
{
    const struct timeval after = {.tv_sec = (time_t)(after_ms / 1000),
        .tv_usec = (suseconds_t)(after_ms % 1000 * 1000)};

    if (after_ms > 0 && evtimer_add(gather->timer, &after) == -1)
        abort();
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    wake_in(context, write_due(context, clock_monotonic_ms()));
}

struct log_gather *log_gather_new(struct event_base *base)
{
    struct log_gather *gather = xcalloc(1, sizeof *gather);

    hash_key_init(&gather->key);
    gather->timer = evtimer_new(base, on_timer, gather);
    if (gather->timer == NULL)
        abort();
    return gather;
}

void log_gather_flush(struct log_gather *gather)
{
    uint64_t now_ms = clock_monotonic_ms();

    for (size_t i = 0; i < PLACES; i++)
        if (gather->places[i].repeated > 0)
            place_write(&gather->places[i], now_ms);
}

void log_gather_free(struct log_gather **gather)
{
    if (*gather == NULL)
        return;
    log_gather_flush(*gather);
    event_free((*gather)->timer);
    free(*gather);
    *gather = NULL;
}

bool log_gather_begin(struct log_gather *gather, const char *about)
{
    if (gather == NULL)
        return true;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t hash = hash_bytes(&gather->key, about, strlen(about));
    struct place *place = &gather->places[hash % PLACES];

    if (place->hash != hash) {
        if (place->repeated > 0)
            place_write(place, now_ms);
        *place = (struct place){.hash = hash};
    }
    if (place->repeated > 0) {
        place->repeated++;
        return false;
    }
    gather->current = place;
    gather->now_ms = now_ms;
    return true;
}

void log_gather_end(struct log_gather *gather, struct log_record *record)
{
    if (gather == NULL) {
        log_record_end(record);
        return;
    }
    struct place *place = gather->current;
    if (place->until_ms <= gather->now_ms) {
        log_record_end(record);
        place->until_ms = gather->now_ms + INTERVAL_MS;
        return;
    }
    place->held = xcalloc(1, record->len + 1);
    memcpy(place->held, record->text, record->len);
    place->len = (uint32_t)record->len;
    place->repeated = 1;
    if (!evtimer_pending(gather->timer, NULL))
        wake_in(gather, place->until_ms - gather->now_ms);
}
