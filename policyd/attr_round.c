/*
 * attr_round.c - see attr_round.h. Allocates nothing, cannot fail.
 *
 * Reading, deciding and sending each run through much code, most of it the
 * kernel's, and together it is more than a CPU keeps at hand: done for several
 * connections in a row, each costs less. And what a decision needs from far
 * away in memory can be asked for when its request has been read, and is there
 * when its turn comes. Together that saved 8 % of the CPU of a decision. More
 * than sixteen would save no more, and keep those who came first waiting.
 */
#include "policyd/attr_round.h"

#include "common/base/memory.h"

#include <assert.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define ROUND_MAX 16

struct attr_turns {
    size_t count;
    struct attr_connection *of[ROUND_MAX]; /* borrowed; NULL: has gone away */
};

struct attr_round {
    struct event *end; /* of the pass: runs after all that is ready now */
    bool is_due;
    struct attr_turns asked, answered;
};

/* A turn may end connections, and add to the other list, not to this one. */
static void take_turns(
    struct attr_turns *turns, void (*take)(struct attr_connection *))
{
    for (size_t i = 0; i < turns->count; i++)
        if (turns->of[i] != NULL)
            take(turns->of[i]);
    turns->count = 0;
}

static void round_run(struct attr_round *round)
{
    take_turns(&round->asked, attr_connection_decide);
    take_turns(&round->answered, attr_connection_deliver);
}

static void attr_round_on_end(evutil_socket_t fd, short what, void *context)
{
    struct attr_round *round = context;

    round->is_due = false;
    round_run(round);
}

struct attr_round *attr_round_new(struct event_base *base)
{
    struct attr_round *round = xcalloc(1, sizeof *round);

    round->end = event_new(base, -1, 0, attr_round_on_end, round);
    if (round->end == NULL)
        abort();
    return round;
}

void attr_round_free(struct attr_round **round)
{
    if (*round == NULL)
        return;
    event_free((*round)->end);
    free(*round);
    *round = NULL;
}

struct event_base *attr_round_base(const struct attr_round *round)
{
    return event_get_base(round->end);
}

static void turns_add(struct attr_round *round, struct attr_turns *turns,
    struct attr_connection *connection)
{
    assert(turns->count < ROUND_MAX);
    turns->of[turns->count++] = connection;
    if (!round->is_due)
        event_active(round->end, 0, 0);
    round->is_due = true;
}

void attr_round_ask(struct attr_round *round, struct attr_connection *asking)
{
    turns_add(round, &round->asked, asking);
    if (round->asked.count == ROUND_MAX)
        round_run(round);
}

void attr_round_answer(
    struct attr_round *round, struct attr_connection *answered)
{
    if (round->answered.count == ROUND_MAX)
        take_turns(&round->answered, attr_connection_deliver);
    turns_add(round, &round->answered, answered);
}

static void turns_forget(
    struct attr_turns *turns, const struct attr_connection *gone)
{
    for (size_t i = 0; i < turns->count; i++)
        if (turns->of[i] == gone)
            turns->of[i] = NULL;
}

void attr_round_forget(
    struct attr_round *round, const struct attr_connection *gone)
{
    turns_forget(&round->asked, gone);
    turns_forget(&round->answered, gone);
}
