/*
 * redis_pending.c - the requests and recalls that wait, and a pool of used
 * ones, so that a decision allocates nothing here.
 *
 * While the store cannot be used none is given: the caller's answer is that
 * it is unavailable, at once.
 */
#include "common/store/redis_store_internal.h"

#include "common/base/memory.h"

#include <stdlib.h>

void redis_pending_init(struct redis_store *store)
{
    TAILQ_INIT(&store->waiting);
    TAILQ_INIT(&store->spare);
}

struct store_pending *redis_pending_new(struct redis_store *store)
{
    if (!redis_store_is_open_for_use(store) ||
        store->waiting_count >= REDIS_PENDING_MAX) {
        store->failures++;
        return NULL;
    }
    struct store_pending *pending = TAILQ_FIRST(&store->spare);
    if (pending == NULL)
        pending = xcalloc(1, sizeof *pending);
    else
        TAILQ_REMOVE(&store->spare, pending, link);
    *pending = (struct store_pending){.store = store};
    pending->call.context = pending;
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

void redis_pending_settle(struct redis_store *store)
{
    struct store_pending *pending;
    while ((pending = TAILQ_FIRST(&store->waiting)) != NULL) {
        redis_connection_cancel(store->connection, &pending->call);
        pending->finish(pending, STORE_UNAVAILABLE);
    }
}

static void pending_list_free(struct pending_list *list)
{
    struct store_pending *pending;
    while ((pending = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, pending, link);
        if (pending->request == NULL && pending->recall == NULL)
            free(pending->charges);
        free(pending);
    }
}

void redis_pending_clear(struct redis_store *store)
{
    pending_list_free(&store->waiting);
    pending_list_free(&store->spare);
}
