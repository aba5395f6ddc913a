/*
 * describe_refused.c - see describe.h.
 *
 * Several faces may see the same mail, and only one of them refuses it: so a
 * key that is refused for an event stands in the list of one of them.
 */
#include "common/control/control_command.h"
#include "common/control/describe.h"

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/engine/daemon.h"
#include "common/engine/tops.h"

#include <stdlib.h>

#define LOOKED_AT 100 /* the heaviest of each list */
#define SHOWN     10

struct refused {
    const struct top_row *row;
    enum event_kind kind;
};

static int by_refused(const void *a, const void *b)
{
    const struct refused *first = a, *second = b;

    if (first->row->refused == second->row->refused)
        return 0;
    return first->row->refused < second->row->refused ? 1 : -1;
}

static size_t collect(struct top_lists *lists, struct refused *all)
{
    size_t count = 0;

    for (unsigned face = 0; face < FACES; face++)
        for (unsigned kind = 0; kind < EVENT_KINDS; kind++) {
            struct top_list *list = &lists->of[face][kind];
            top_list_settle(list, LOOKED_AT);
            for (size_t i = 0; i < list->count; i++)
                if (list->rows[i].refused > 0)
                    all[count++] =
                        (struct refused){&list->rows[i], (enum event_kind)kind};
        }
    return count;
}

json_t *describe_refused(const struct control_host *host)
{
    struct refused *all = xcalloc(FACES * EVENT_KINDS * LOOKED_AT, sizeof *all);
    struct top_lists lists = {0};
    json_t *list = json_array();

    tops_read(
        engine_tops(daemon_engine(host->daemon)), &lists, clock_monotonic_ms());
    size_t count = collect(&lists, all);
    qsort(all, count, sizeof all[0], by_refused);
    for (size_t i = 0; i < count && i < SHOWN; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:I, s:I, s:I}", "event",
                      event_kind_name(all[i].kind), "key",
                      control_text(all[i].row->key), "refused",
                      (json_int_t)all[i].row->refused, "least",
                      (json_int_t)all[i].row->least, "most",
                      (json_int_t)all[i].row->most));
    top_lists_clear(&lists);
    free(all);
    return list;
}
