/*
 * describe_refused.c - see describe.h.
 *
 * One row a key. Several faces may see the same mail, and only one of them
 * refuses it; an event of several kinds is refused for each of them. So of the
 * rows of a key one is taken: where most was refused, and of those the one of
 * the kind that the refusing limit is about.
 */
#include "common/control/control_command.h"
#include "common/control/describe.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/engine/daemon.h"
#include "common/engine/tops.h"

#include <stdlib.h>
#include <string.h>

#define LOOKED_AT 100 /* the heaviest of each list */
#define SHOWN     10

struct refused {
    const struct top_row *row;
    enum event_kind kind;
    bool is_limits_kind;
};

/* The first of a key is the one to be shown. */
static int by_key(const void *a, const void *b)
{
    const struct refused *first = a, *second = b;
    int order = strcmp(first->row->key, second->row->key);

    if (order != 0)
        return order;
    if (first->row->refused != second->row->refused)
        return first->row->refused < second->row->refused ? 1 : -1;
    return (int)second->is_limits_kind - (int)first->is_limits_kind;
}

static int by_refused(const void *a, const void *b)
{
    const struct refused *first = a, *second = b;

    if (first->row->refused == second->row->refused)
        return strcmp(first->row->key, second->row->key);
    return first->row->refused < second->row->refused ? 1 : -1;
}

static bool is_kind_of(
    const struct config *config, const char *name, enum event_kind kind)
{
    for (size_t i = 0; i < config->limit_count; i++)
        if (strncmp(config->limits[i].name, name, TOP_BY_SIZE - 1) == 0)
            return config->limits[i].event == kind;
    return false;
}

static size_t collect(
    const struct config *config, struct top_lists *lists, struct refused *all)
{
    size_t count = 0;

    for (unsigned face = 0; face < FACES; face++)
        for (unsigned kind = 0; kind < EVENT_KINDS; kind++) {
            struct top_list *list = &lists->of[face][kind];
            top_list_settle(list, LOOKED_AT);
            for (size_t i = 0; i < list->count; i++)
                if (list->rows[i].refused > 0)
                    all[count++] =
                        (struct refused){&list->rows[i], (enum event_kind)kind,
                            is_kind_of(config, list->rows[i].by,
                                (enum event_kind)kind)};
        }
    return count;
}

/* One a key; returns how many. */
static size_t take_first(struct refused *all, size_t count)
{
    size_t taken = 0;

    qsort(all, count, sizeof all[0], by_key);
    for (size_t i = 0; i < count; i++)
        if (taken == 0 || strcmp(all[taken - 1].row->key, all[i].row->key) != 0)
            all[taken++] = all[i];
    qsort(all, taken, sizeof all[0], by_refused);
    return taken;
}

json_t *describe_refused(const struct control_host *host)
{
    struct refused *all = xcalloc(FACES * EVENT_KINDS * LOOKED_AT, sizeof *all);
    struct top_lists lists = {0};
    json_t *list = json_array();
    struct engine *engine = daemon_engine(host->daemon);

    tops_read(engine_tops(engine), &lists, clock_monotonic_ms());
    size_t count = take_first(all, collect(engine_config(engine), &lists, all));
    for (size_t i = 0; i < count && i < SHOWN; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:o, s:I, s:I, s:I}", "event",
                      event_kind_name(all[i].kind), "key",
                      control_text(all[i].row->key), "by",
                      control_text(all[i].row->by), "refused",
                      (json_int_t)all[i].row->refused, "least",
                      (json_int_t)all[i].row->least, "most",
                      (json_int_t)all[i].row->most));
    top_lists_clear(&lists);
    free(all);
    return list;
}
