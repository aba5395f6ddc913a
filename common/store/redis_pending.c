/*
 * redis_pending.c - the requests and recalls that wait, and a pool of used
 * ones, so that a decision allocates nothing here.
 *
 * There is a bound: who finds none has the answer, at once, that the store is
 * unavailable.
 */
#include "common/store/redis_store_internal.h"

#include "common/base/alloc.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void redis_pending_init(struct redis_store *store)
{
    TAILQ_INIT(&store->waiting);
    TAILQ_INIT(&store->spare);
}

struct store_pending *redis_pending_new(struct redis_store *store)
{
    if (store->waiting_count >= REDIS_PENDING_MAX) {
        store->failures++;
        return NULL;
    }
    struct store_pending *pending = TAILQ_FIRST(&store->spare);
    if (pending == NULL)
        pending = xcalloc(1, sizeof *pending);
    else
        TAILQ_REMOVE(&store->spare, pending, link);
    memset(pending, 0, offsetof(struct store_pending, parts));
    pending->store = store;
    TAILQ_INSERT_TAIL(&store->waiting, pending, link);
    store->waiting_count++;
    return pending;
}

void redis_pending_free(struct store_pending *pending)
{
    struct redis_store *store = pending->store;
    TAILQ_REMOVE(&store->waiting, pending, link);
    store->waiting_count--;
    pending->charges = NULL;
    TAILQ_INSERT_HEAD(&store->spare, pending, link);
}

void redis_pending_cancel(struct store_pending *pending)
{
    for (size_t i = 0; i < pending->part_count; i++) {
        struct store_part *part = &pending->parts[i];
        if (part->node == NULL)
            continue;
        redis_connection_cancel(&part->call);
        TAILQ_REMOVE(&part->node->parts, part, link);
        part->node = NULL;
    }
    redis_pending_free(pending);
}

static void pending_list_free(struct pending_list *list)
{
    struct store_pending *pending;
    while ((pending = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, pending, link);
        if (pending->request == NULL && pending->recall == NULL &&
            pending->inspection == NULL)
            free(pending->charges);
        free(pending);
    }
}

void redis_pending_clear(struct redis_store *store)
{
    pending_list_free(&store->waiting);
    pending_list_free(&store->spare);
}
