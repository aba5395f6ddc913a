/*
 * memory.c - the counters of `memory:`: looks all charges up, decides, then
 * writes all or none.
 *
 * Does nothing about leases but to respect them, and cannot fail. The rules of
 * a request are store.lua's, so that one property test judges both.
 */
#include "common/store/memory.h"

#include "common/base/alloc.h"
#include "common/core/distinct.h"
#include "common/core/window.h"
#include "common/store/memory_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEN_MAX 255
#define KEY_SIZE     (SUBJECT_SIZE + 2 + NAME_LEN_MAX)

struct memory_store {
    struct memory_table table;
};

struct memory_store *memory_store_new(size_t entries_max)
{
    struct memory_store *store = xcalloc(1, sizeof *store);

    assert(entries_max >= 4 * MEMORY_STORE_CHARGES_MAX);
    memory_table_init(&store->table, entries_max);
    return store;
}

void memory_store_free(struct memory_store **store)
{
    if (*store == NULL)
        return;
    memory_table_clear(&(*store)->table);
    free(*store);
    *store = NULL;
}

size_t memory_store_count(const struct memory_store *store)
{
    return store->table.count;
}

static const char kind_letters[] = {
    [CHARGE_SLIDING] = 's',
    [CHARGE_FIXED] = 'f',
    [CHARGE_DISTINCT] = 'd',
    [CHARGE_DISTINCT_FIXED] = 'e',
};

/* "sSUBJECT\nNAME": neither kinds nor parts can be taken for each other. */
static void make_key(
    const struct charge *charge, char bytes[KEY_SIZE], struct memory_key *key_r)
{
    size_t subject_len = charge->subject->len;
    size_t name_len = strnlen(charge->name, NAME_LEN_MAX);

    bytes[0] = kind_letters[charge->kind];
    memcpy(bytes + 1, charge->subject->text, subject_len);
    bytes[1 + subject_len] = '\n';
    memcpy(bytes + 2 + subject_len, charge->name, name_len);
    key_r->bytes = bytes;
    key_r->len = 2 + subject_len + name_len;
}

/* Makes it if it is not there and state_size is not 0. */
static struct memory_entry *find_entry(struct memory_store *store,
    const struct charge *charge, size_t state_size, uint64_t now_ms)
{
    char bytes[KEY_SIZE];
    struct memory_key key;
    struct memory_entry *entry;

    make_key(charge, bytes, &key);
    key.hash = memory_table_hash(&store->table, key.bytes, key.len);
    entry = memory_table_find(&store->table, &key);
    if (entry == NULL && state_size > 0)
        entry = memory_table_insert(&store->table, &key, state_size);
    if (entry != NULL)
        entry->used_s = (uint32_t)(now_ms / 1000);
    return entry;
}

static void note_refusing(
    struct memory_entry *entry, int64_t retry_ms, uint64_t now_ms)
{
    if (retry_ms > 0 && entry->refusing_ms < now_ms + (uint64_t)retry_ms)
        entry->refusing_ms = now_ms + (uint64_t)retry_ms;
}

static struct window_rule sliding_rule(const struct charge *charge)
{
    return (struct window_rule){
        .limit = charge->limit, .window_ms = charge->window_ms};
}

/* Returns the entry; NULL: there is none. */
static struct memory_entry *sliding_decide(
    struct memory_store *store, struct charge *charge, uint64_t now_ms)
{
    struct memory_entry *entry = find_entry(store, charge, 0, now_ms);
    struct window_rule rule = sliding_rule(charge);
    struct window none = {0};
    struct window *window = &none;

    if (entry != NULL) {
        window = (void *)entry->state;
        window_settle(window, rule.window_ms, now_ms);
    }
    charge->used = window->total;
    charge->retry_ms = window_retry(window, &rule, charge->amount, now_ms);
    charge->refused = charge->retry_ms != 0;
    if (entry != NULL)
        note_refusing(entry, charge->retry_ms, now_ms);
    return entry;
}

/* 1, 2, 4, 8, 17: most clients never need the second. */
static uint16_t larger_room(uint16_t room)
{
    return room < 8 ? (uint16_t)(room * 2) : WINDOW_SLOTS_MAX;
}

/* The entry, made or moved if the next addition needs a slot. */
static struct memory_entry *sliding_entry(struct memory_store *store,
    struct memory_entry *entry, const struct charge *charge,
    const struct window_rule *rule, uint64_t now_ms)
{
    if (entry == NULL)
        entry = find_entry(store, charge, window_size(1), now_ms);
    struct window *window = (void *)entry->state;
    uint16_t room;

    if (window->room == 0)
        window->room = 1;
    if (!window_needs_room(window, rule, now_ms))
        return entry;
    room = larger_room(window->room);
    entry = memory_table_resize(&store->table, entry, window_size(room));
    window = (void *)entry->state;
    window->room = room;
    return entry;
}

/* known: NULL, or the entry. */
static void sliding_charge(struct memory_store *store, struct charge *charge,
    struct memory_entry *known, uint64_t now_ms)
{
    struct window_rule rule = sliding_rule(charge);
    struct memory_entry *entry =
        sliding_entry(store, known, charge, &rule, now_ms);
    struct window *window = (void *)entry->state;

    window_add(window, &rule, charge->amount, now_ms);
    charge->used = window->total;
    entry->last_ms = window_last_ms(window, rule.window_ms);
    note_refusing(entry, window_retry(window, &rule, 1, now_ms), now_ms);
}

static void fixed_judge(struct charge *charge, struct memory_entry *entry,
    uint64_t after, uint64_t now_ms)
{
    charge->refused = charge->limit > 0 && after > charge->limit;
    charge->retry_ms = 0;
    if (charge->refused && charge->amount > charge->limit)
        charge->retry_ms = CHARGE_NEVER;
    else if (charge->refused)
        charge->retry_ms = (int64_t)(entry->last_ms + 1 - now_ms);
    if (charge->refused && entry != NULL)
        note_refusing(entry, charge->retry_ms, now_ms);
}

static void fixed_peek(
    struct memory_store *store, struct charge *charge, uint64_t now_ms)
{
    struct memory_entry *entry = find_entry(store, charge, 0, now_ms);

    charge->used = entry == NULL
                       ? 0
                       : fixed_window_count(
                             (const void *)entry->state, charge->field, now_ms);
    fixed_judge(charge, entry, (uint64_t)charge->used + charge->amount, now_ms);
}

/* Counts at once: fixed counts whatever becomes of the request. */
static void fixed_charge(
    struct memory_store *store, struct charge *charge, uint64_t now_ms)
{
    struct memory_entry *entry =
        find_entry(store, charge, sizeof(struct fixed_window), now_ms);
    struct fixed_window *fixed = (void *)entry->state;

    fixed_window_add(
        fixed, charge->field, charge->amount, charge->window_ms, now_ms);
    entry->last_ms = fixed->last_ms;
    charge->used = fixed_window_count(fixed, charge->field, now_ms);
    fixed_judge(charge, entry, charge->used, now_ms);
}

static struct distinct_rule distinct_rule(const struct charge *charge)
{
    return (struct distinct_rule){.limit = charge->limit,
        .window_ms = charge->window_ms,
        .is_fixed = charge->kind == CHARGE_DISTINCT_FIXED};
}

/* The entry, or NULL, and a copy of what it holds now. */
static struct memory_entry *distinct_load(struct memory_store *store,
    const struct charge *charge, struct distinct *distinct_r, uint64_t now_ms)
{
    struct memory_entry *entry = find_entry(store, charge, 0, now_ms);
    struct distinct_rule rule = distinct_rule(charge);

    *distinct_r = (struct distinct){0};
    if (entry != NULL && entry->last_ms >= now_ms)
        memcpy(distinct_r, entry->state,
            entry->state_size < sizeof *distinct_r ? entry->state_size
                                                   : sizeof *distinct_r);
    distinct_settle(distinct_r, &rule, now_ms);
    return entry;
}

static void distinct_decide(
    struct memory_store *store, struct charge *charge, uint64_t now_ms)
{
    struct distinct_rule rule = distinct_rule(charge);
    struct distinct distinct;
    struct memory_entry *entry =
        distinct_load(store, charge, &distinct, now_ms);

    charge->used = distinct_count(&distinct);
    charge->retry_ms = distinct_retry(&distinct, &rule, charge->value, now_ms);
    charge->refused = charge->retry_ms != 0;
    if (entry != NULL)
        note_refusing(entry, charge->retry_ms, now_ms);
}

/* In steps, so that few additions move the entry. */
static struct memory_entry *distinct_entry(struct memory_store *store,
    struct memory_entry *entry, const struct charge *charge, size_t size,
    uint64_t now_ms)
{
    const size_t step = 32;

    size = (size + step - 1) / step * step;
    if (entry == NULL)
        return find_entry(store, charge, size, now_ms);
    return entry->state_size < size
               ? memory_table_resize(&store->table, entry, size)
               : entry;
}

static void distinct_charge(
    struct memory_store *store, struct charge *charge, uint64_t now_ms)
{
    struct distinct_rule rule = distinct_rule(charge);
    struct distinct distinct;
    struct memory_entry *entry =
        distinct_load(store, charge, &distinct, now_ms);

    (void)distinct_retry(&distinct, &rule, charge->value, now_ms);
    distinct_add(&distinct, charge->value);
    charge->used = distinct_count(&distinct);
    size_t size = distinct_size(&distinct);
    entry = distinct_entry(store, entry, charge, size, now_ms);
    memcpy(entry->state, &distinct, size);
    entry->last_ms = distinct_last_ms(&distinct);
}

bool memory_store_charge(struct memory_store *store, struct charge *charges,
    size_t count, bool peek, uint64_t now_ms)
{
    struct memory_entry *entry = NULL;
    bool passes = true;

    assert(count <= MEMORY_STORE_CHARGES_MAX);
    memory_table_tend(&store->table, peek ? 0 : count, now_ms);
    for (size_t i = 0; i < count; i++) {
        struct charge *charge = &charges[i];

        if (charge->kind == CHARGE_SLIDING)
            entry = sliding_decide(store, charge, now_ms);
        else if (charge->kind == CHARGE_FIXED && peek)
            fixed_peek(store, charge, now_ms);
        else if (charge->kind == CHARGE_FIXED)
            fixed_charge(store, charge, now_ms);
        else if (charge_kind_is_distinct(charge->kind))
            distinct_decide(store, charge, now_ms);
        passes = passes && (!charge->refused || charge->shadow);
    }
    if (peek || !passes)
        return passes;
    /* Of several, an earlier one may move the entry of a later one. */
    if (count > 1)
        entry = NULL;
    for (size_t i = 0; i < count; i++) {
        if (charges[i].refused)
            continue;
        if (charges[i].kind == CHARGE_SLIDING)
            sliding_charge(store, &charges[i], entry, now_ms);
        else if (charge_kind_is_distinct(charges[i].kind))
            distinct_charge(store, &charges[i], now_ms);
    }
    return true;
}

/* The entry stays, empty, until its turn to be dropped comes. */
bool memory_store_forget(
    struct memory_store *store, const struct charge *charge, uint64_t now_ms)
{
    struct memory_entry *entry = find_entry(store, charge, 0, now_ms);
    bool counted = entry != NULL && entry->last_ms >= now_ms;

    if (entry == NULL)
        return false;
    if (charge->kind == CHARGE_FIXED) {
        memset(entry->state, 0, sizeof(struct fixed_window));
    } else if (charge->kind == CHARGE_SLIDING) {
        struct window *window = (void *)entry->state;
        window->total = 0;
        window->count = 0;
    }
    entry->last_ms = entry->refusing_ms = 0;
    return counted;
}

void memory_store_take_back(struct memory_store *store,
    const struct charge *charge, uint64_t since_ms, uint64_t now_ms)
{
    struct memory_entry *entry = find_entry(store, charge, 0, now_ms);
    struct window *window;

    if (entry == NULL || now_ms - since_ms > charge->window_ms)
        return;
    window = (void *)entry->state;
    window_settle(window, charge->window_ms, now_ms);
    window_take_back(window, charge->amount, since_ms);
    entry->last_ms = window_last_ms(window, charge->window_ms);
    entry->refusing_ms = 0;
}

static void sliding_note(
    struct memory_store *store, const struct charge *charge, uint64_t now_ms)
{
    struct charge own = *charge;
    struct memory_entry *entry = find_entry(store, charge, 0, now_ms);

    if (entry != NULL)
        window_settle((void *)entry->state, charge->window_ms, now_ms);
    sliding_charge(store, &own, entry, now_ms);
}

void memory_store_note(struct memory_store *store, const struct charge *charges,
    size_t count, bool passed, uint64_t now_ms)
{
    assert(count <= MEMORY_STORE_CHARGES_MAX);
    memory_table_tend(&store->table, count, now_ms);
    for (size_t i = 0; i < count; i++) {
        struct charge own = charges[i];

        if (own.kind == CHARGE_FIXED)
            fixed_charge(store, &own, now_ms);
        else if (own.kind == CHARGE_SLIDING && passed && !own.refused)
            sliding_note(store, &charges[i], now_ms);
        else if (charge_kind_is_distinct(own.kind) && passed && !own.refused)
            distinct_charge(store, &own, now_ms);
    }
}
