/*
 * usages.c - see usages.h.
 *
 * An hour ends when a timer says so: until then, a few seconds, what comes
 * counts in the old one, and the way of a decision needs no other clock.
 */
#include "common/engine/usages.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/core/usage.h"

#include <stdlib.h>
#include <string.h>

#define LIMITS_MAX 256 /* of all reloads within an hour; more are left out */
#define CUT_LEN    (HEAVY_KEY_SIZE - 1 - 16)

struct limit_usage {
    const struct limit *limit; /* only compared; NULL: ask for its name */
    char *name;
    bool is_dirty; /* the store does not know all of it */
    uint64_t written_ms;
    struct usage usage;
};

struct usages {
    struct store *store;
    struct hash_key hash_key;
    uint64_t hour;
    size_t next; /* to be tended */
    size_t count;
    struct limit_usage *of[LIMITS_MAX];
};

struct usages *usages_new(struct store *store, uint64_t wall_ms)
{
    struct usages *usages = xcalloc(1, sizeof *usages);

    usages->store = store;
    usages->hour = wall_ms / USAGE_HOUR_MS;
    hash_key_init(&usages->hash_key);
    return usages;
}

static void limit_usage_free(struct limit_usage *of)
{
    free(of->name);
    free(of);
}

void usages_free(struct usages **usages)
{
    if (*usages == NULL)
        return;
    for (size_t i = 0; i < (*usages)->count; i++)
        limit_usage_free((*usages)->of[i]);
    free(*usages);
    *usages = NULL;
}

void usages_follow(struct usages *usages)
{
    for (size_t i = 0; i < usages->count; i++)
        usages->of[i]->limit = NULL;
}

static struct limit_usage *find_by_name(
    struct usages *usages, const struct limit *limit)
{
    for (size_t i = 0; i < usages->count; i++)
        if (strcmp(usages->of[i]->name, limit->name) == 0)
            return usages->of[i];
    if (usages->count == LIMITS_MAX)
        return NULL;
    struct limit_usage *of = xcalloc(1, sizeof *of);
    of->name = xstrdup(limit->name);
    of->usage.hour = usages->hour;
    usages->of[usages->count++] = of;
    return of;
}

/* NULL: there are too many. */
static struct limit_usage *usage_of(
    struct usages *usages, const struct limit *limit)
{
    for (size_t i = 0; i < usages->count; i++)
        if (usages->of[i]->limit == limit)
            return usages->of[i];
    struct limit_usage *of = find_by_name(usages, limit);
    if (of != NULL)
        of->limit = limit;
    return of;
}

/* One that is too long ends in a hash, so that no two are taken for one. */
static struct heavy_key key_of(const struct usages *usages,
    const struct subject *subject, char cut[HEAVY_KEY_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";

    if (subject->len <= HEAVY_KEY_SIZE)
        return heavy_key_of(&usages->hash_key, subject->text, subject->len);
    uint64_t hash = hash_bytes(&(struct hash_key){0}, subject->text,
        subject->len); /* the same in all daemons */
    memcpy(cut, subject->text, CUT_LEN);
    cut[CUT_LEN] = '#';
    for (size_t i = 0; i < 16; i++)
        cut[CUT_LEN + 1 + i] = digits[hash >> (60 - 4 * i) & 15];
    return heavy_key_of(&usages->hash_key, cut, HEAVY_KEY_SIZE);
}

/* A number of the window that holds now; a calendar's stands in its counter's
 * name. */
static uint64_t window_of(
    const struct charge *charge, const struct limit *limit, uint64_t now_ms)
{
    const char *at =
        limit->calendar != NULL ? strrchr(charge->name, '@') : NULL;

    if (at != NULL)
        return strtoul(at + 1, NULL, 10);
    return charge->window_ms > 0 ? now_ms / charge->window_ms : 0;
}

static void note_charge(struct usages *usages, const struct charge *charge,
    const struct bill_item *item, uint64_t now_ms)
{
    struct limit_usage *of = usage_of(usages, item->limit);
    char cut[HEAVY_KEY_SIZE + 1];

    if (of == NULL)
        return;
    struct usage_event event = {.key = key_of(usages, charge->subject, cut),
        .amount = charge->amount,
        .used = charge->used,
        .allowed = item->n,
        .window = window_of(charge, item->limit, now_ms),
        .is_refused = charge->refused,
        .counts_refused = charge->kind != CHARGE_SLIDING};
    /* What is open at once, or another value, was one too many each time. */
    if ((charge->kind == CHARGE_LEASE || charge->kind == CHARGE_DISTINCT) &&
        charge->refused)
        event.used += charge->amount;
    usage_note(&of->usage, &event);
    of->is_dirty = true;
}

void usages_note(
    struct usages *usages, const struct decision *decision, uint64_t now_ms)
{
    const struct bill *bill = &decision->bill;

    if (decision->event.peek || decision->event.is_dry)
        return;
    for (size_t i = 0; i < bill->count; i++)
        if (bill->items[i].limit != NULL)
            note_charge(usages, &bill->charges[i], &bill->items[i], now_ms);
}

static void write_record(
    struct usages *usages, struct limit_usage *of, uint64_t now_ms)
{
    char name[USAGE_NAME_MAX + 1], text[USAGE_TEXT_MAX];

    log_escape(name, sizeof name, of->name, strlen(of->name));
    size_t len = usage_write(&of->usage, name, text);
    of->is_dirty =
        !store_record_keep(usages->store, of->usage.hour, name, text, len);
    of->written_ms = now_ms;
}

/* One that nothing came to for an hour goes. */
static void follow_hour(
    struct usages *usages, uint64_t now_ms, uint64_t wall_ms)
{
    uint64_t hour = wall_ms / USAGE_HOUR_MS;
    size_t kept = 0;

    for (size_t i = 0; i < usages->count && hour != usages->hour; i++) {
        struct limit_usage *of = usages->of[i];
        if (of->is_dirty)
            write_record(usages, of, now_ms);
        if (of->usage.came == 0) {
            limit_usage_free(of);
            continue;
        }
        usage_clear(&of->usage, hour);
        of->is_dirty = false;
        usages->of[kept++] = of;
    }
    if (hour != usages->hour)
        usages->count = kept;
    usages->hour = hour;
}

void usages_tend(struct usages *usages, uint64_t now_ms, uint64_t wall_ms)
{
    size_t written = 0;

    follow_hour(usages, now_ms, wall_ms);
    for (size_t i = 0; i < usages->count && written < USAGES_AT_ONCE; i++) {
        struct limit_usage *of = usages->of[usages->next++ % usages->count];
        if (!of->is_dirty || now_ms < of->written_ms + USAGES_EVERY_MS)
            continue;
        write_record(usages, of, now_ms);
        written++;
    }
}

void usages_flush(struct usages *usages, uint64_t now_ms, uint64_t wall_ms)
{
    follow_hour(usages, now_ms, wall_ms);
    for (size_t i = 0; i < usages->count; i++)
        if (usages->of[i]->is_dirty)
            write_record(usages, usages->of[i], now_ms);
}
