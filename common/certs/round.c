/*
 * round.c - see round.h.
 */
#include "common/certs/round.h"

void round_begin(struct round *round, struct certificate *const *items,
    size_t count, bool is_first, bool is_whole)
{
    *round = (struct round){.items = items,
        .count = count,
        .is_first = is_first,
        .is_whole = is_whole};
}

/* With what is known of that section now. */
static void end_section(struct round *round)
{
    const struct certificate *certificate = round->items[round->index++];

    for (size_t i = 0; i < certificate->paths.count; i++)
        file_paths_add(&round->paths, certificate->paths.items[i]);
    round->is_wrong = round->is_wrong || certificate->problem != NULL ||
                      certificate->waiting_s != 0;
}

static void begin_look(struct round *round)
{
    look_begin(&round->look, round->items[round->index]->config);
    round->is_looking = true;
}

static void step_look(struct round *round)
{
    if (look_step(&round->look))
        return;
    certificate_take(round->items[round->index], &round->look, round->is_first);
    look_clear(&round->look);
    round->is_looking = false;
    end_section(round);
}

static void begin_check(struct round *round)
{
    round->checked = 0;
    round->is_checking = true;
}

static void step_check(struct round *round)
{
    struct certificate *certificate = round->items[round->index];
    enum stamps_result result =
        stamps_step(&certificate->paths.stamps, &round->checked);

    if (result == STAMPS_MORE)
        return;
    round->is_checking = false;
    if (result == STAMPS_CHANGED) {
        begin_look(round);
        return;
    }
    certificate_pass(certificate);
    end_section(round);
}

bool round_step(struct round *round)
{
    if (round->index == round->count)
        return false;
    if (round->is_looking)
        step_look(round);
    else if (round->is_checking)
        step_check(round);
    else if (!round->is_whole &&
             certificate_may_pass(round->items[round->index]))
        begin_check(round);
    else
        begin_look(round);
    return true;
}

void round_clear(struct round *round)
{
    if (round->is_looking)
        look_clear(&round->look);
    file_paths_clear(&round->paths);
    *round = (struct round){.count = 0};
}
