/*
 * lease.c - a hash table of leases, in a list by age and a queue to write.
 *
 * A lease goes as soon as nothing is held, nothing is under way and the store
 * knows of nothing. Keys are chosen by strangers (their addresses), hence the
 * keyed hash; how many there can be is bounded by the connections we serve.
 */
#include "common/store/lease.h"

#include "common/base/alloc.h"
#include "common/base/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN  256 /* a power of two, always */
#define NAME_MAX_LEN 255

TAILQ_HEAD(lease_list, lease);

struct lease_table {
    struct hash_key hash_key;
    struct lease **buckets;
    size_t bucket_count, count;
    uint64_t units;
    struct lease_list by_age; /* what was written longest ago first */
    struct lease_list queue;
};

struct lease_table *lease_table_new(void)
{
    struct lease_table *table = xcalloc(1, sizeof *table);
    hash_key_init(&table->hash_key);
    table->bucket_count = BUCKETS_MIN;
    table->buckets = xcalloc(BUCKETS_MIN, sizeof(struct lease *));
    TAILQ_INIT(&table->by_age);
    TAILQ_INIT(&table->queue);
    return table;
}

void lease_table_free(struct lease_table **table)
{
    if (*table == NULL)
        return;
    struct lease *lease;
    while ((lease = TAILQ_FIRST(&(*table)->by_age)) != NULL) {
        TAILQ_REMOVE(&(*table)->by_age, lease, by_age);
        free(lease);
    }
    free((*table)->buckets);
    free(*table);
    *table = NULL;
}

uint64_t lease_table_units(const struct lease_table *table)
{
    return table->units;
}

static uint64_t lease_hash(const struct lease_table *table,
    const struct subject *subject, const char *name)
{
    char key[SUBJECT_SIZE + NAME_MAX_LEN];
    size_t name_len = strnlen(name, NAME_MAX_LEN);
    memcpy(key, subject->text, subject->len);
    key[subject->len] = '\0';
    memcpy(key + subject->len + 1, name, name_len);
    return hash_bytes(&table->hash_key, key, subject->len + 1 + name_len);
}

static struct lease **lease_bucket(
    const struct lease_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static struct lease *lease_find_hashed(const struct lease_table *table,
    uint64_t hash, const struct subject *subject, const char *name)
{
    struct lease *lease = *lease_bucket(table, hash);
    for (; lease != NULL; lease = lease->next)
        if (lease->hash == hash && lease->subject.len == subject->len &&
            memcmp(lease->subject.text, subject->text, subject->len) == 0 &&
            strncmp(lease->name, name, NAME_MAX_LEN) == 0)
            return lease;
    return NULL;
}

struct lease *lease_find(
    struct lease_table *table, const struct subject *subject, const char *name)
{
    return lease_find_hashed(
        table, lease_hash(table, subject, name), subject, name);
}

static void lease_link(struct lease_table *table, struct lease *lease)
{
    struct lease **bucket = lease_bucket(table, lease->hash);
    lease->next = *bucket;
    *bucket = lease;
}

/* All at once: a few ms at a million, and never again at that size. */
static void lease_table_grow(struct lease_table *table)
{
    free(table->buckets);
    table->bucket_count *= 2;
    table->buckets = xcalloc(table->bucket_count, sizeof(struct lease *));
    struct lease *lease;
    TAILQ_FOREACH(lease, &table->by_age, by_age)
        lease_link(table, lease);
}

static struct lease *lease_get(
    struct lease_table *table, const struct subject *subject, const char *name)
{
    uint64_t hash = lease_hash(table, subject, name);
    struct lease *lease = lease_find_hashed(table, hash, subject, name);
    if (lease != NULL)
        return lease;

    size_t name_len = strnlen(name, NAME_MAX_LEN);
    lease = xcalloc(1, sizeof *lease + name_len + 1);
    char *own_name = (char *)(lease + 1);
    memcpy(own_name, name, name_len);
    lease->name = own_name;
    lease->subject = *subject;
    lease->hash = hash;
    lease->is_told = true; /* of nothing, which is so */
    if (table->count++ >= table->bucket_count)
        lease_table_grow(table);
    lease_link(table, lease);
    TAILQ_INSERT_TAIL(&table->by_age, lease, by_age);
    return lease;
}

static void lease_drop(struct lease_table *table, struct lease *lease)
{
    struct lease **at = lease_bucket(table, lease->hash);
    while (*at != lease)
        at = &(*at)->next;
    *at = lease->next;
    if (lease->is_queued)
        TAILQ_REMOVE(&table->queue, lease, queue);
    TAILQ_REMOVE(&table->by_age, lease, by_age);
    table->count--;
    free(lease);
}

static void lease_enqueue(struct lease_table *table, struct lease *lease)
{
    if (lease->is_queued)
        return;
    lease->is_queued = true;
    TAILQ_INSERT_TAIL(&table->queue, lease, queue);
}

static void lease_enqueue_due(struct lease_table *table, struct lease *lease)
{
    lease->is_due = true;
    lease_enqueue(table, lease);
}

/*
 * What the store knows too much of is corrected at once, what it may know too
 * little of when the last asker has its answer, for that may set it right.
 */
static bool lease_needs_write(const struct lease *lease)
{
    if (lease->writing > 0)
        return false;
    if (!lease->is_told || lease->told > lease->held + lease->asking)
        return true;
    return lease->asking == 0 && lease->told != lease->held;
}

/* After every change. The lease may be gone afterwards. */
static void lease_settle(struct lease_table *table, struct lease *lease)
{
    if (lease_needs_write(lease)) {
        lease_enqueue(table, lease);
        return;
    }
    if (lease->writing == 0 && lease->asking == 0 && lease->held == 0 &&
        lease->told == 0)
        lease_drop(table, lease);
}

static void lease_note(struct lease_table *table, struct lease *lease,
    uint32_t mine, enum lease_outcome outcome, uint64_t sent_ms)
{
    switch (outcome) {
    case LEASE_ADMITTED:
        lease->told = mine;
        lease->is_told = true;
        lease->written_ms = sent_ms;
        TAILQ_REMOVE(&table->by_age, lease, by_age);
        TAILQ_INSERT_TAIL(&table->by_age, lease, by_age);
        break;
    case LEASE_REFUSED:
        break;
    case LEASE_UNKNOWN:
        lease->is_told = false;
        break;
    }
}

struct lease *lease_ask(struct lease_table *table,
    const struct subject *subject, const char *name, uint32_t *mine_r)
{
    struct lease *lease = lease_get(table, subject, name);
    lease->asking++;
    *mine_r = lease->held + lease->asking;
    return lease;
}

void lease_answer(struct lease_table *table, struct lease *lease, uint32_t mine,
    enum lease_outcome outcome, bool is_wanted, uint64_t sent_ms)
{
    assert(lease->asking > 0);
    lease->asking--;
    if (outcome == LEASE_ADMITTED && is_wanted) {
        lease->held++;
        table->units++;
    }
    lease_note(table, lease, mine, outcome, sent_ms);
    lease_settle(table, lease);
}

void lease_take(
    struct lease_table *table, const struct subject *subject, const char *name)
{
    struct lease *lease = lease_get(table, subject, name);
    lease->held++;
    table->units++;
    lease_settle(table, lease);
}

void lease_release(
    struct lease_table *table, const struct subject *subject, const char *name)
{
    struct lease *lease = lease_find(table, subject, name);
    if (lease == NULL || lease->held == 0)
        return;
    lease->held--;
    table->units--;
    lease_settle(table, lease);
}

static struct lease *lease_dequeue(struct lease_table *table)
{
    struct lease *lease = TAILQ_FIRST(&table->queue);
    if (lease == NULL)
        return NULL;
    TAILQ_REMOVE(&table->queue, lease, queue);
    lease->is_queued = false;
    return lease;
}

struct lease *lease_next_write(struct lease_table *table, uint32_t *mine_r)
{
    struct lease *lease;
    while ((lease = lease_dequeue(table)) != NULL && !lease->is_due &&
           !lease_needs_write(lease))
        lease_settle(table, lease);
    if (lease == NULL)
        return NULL;
    lease->is_due = false;
    lease->writing++;
    *mine_r = lease->held + lease->asking;
    return lease;
}

void lease_written(struct lease_table *table, struct lease *lease,
    uint32_t mine, enum lease_outcome outcome, uint64_t sent_ms)
{
    assert(lease->writing > 0);
    lease->writing--;
    lease_note(table, lease, mine, outcome, sent_ms);
    lease_settle(table, lease);
}

void lease_postpone(struct lease *lease)
{
    assert(lease->writing > 0);
    lease->writing--;
    lease->is_told = false;
}

void lease_queue_older(struct lease_table *table, uint64_t before_ms)
{
    struct lease *lease;
    TAILQ_FOREACH(lease, &table->by_age, by_age) {
        if (lease->written_ms >= before_ms)
            break;
        if (lease->writing == 0 && lease->held > 0)
            lease_enqueue_due(table, lease);
    }
}

void lease_queue_all(struct lease_table *table)
{
    struct lease *lease;
    TAILQ_FOREACH(lease, &table->by_age, by_age)
        if (lease->writing == 0)
            lease_enqueue_due(table, lease);
}

bool lease_has_queued(const struct lease_table *table)
{
    return !TAILQ_EMPTY(&table->queue);
}
