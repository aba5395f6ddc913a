/*
 * round.c - see round.h.
 */
#include "common/certs/round.h"

void round_begin(struct round *round, struct certificate *const *items,
    size_t count, bool is_first)
{
    *round =
        (struct round){.items = items, .count = count, .is_first = is_first};
}

static void end_look(struct round *round)
{
    struct certificate *certificate = round->items[round->index++];

    for (size_t i = 0; i < round->look.paths.count; i++)
        file_paths_add(&round->paths, round->look.paths.items[i]);
    certificate_take(certificate, &round->look, round->is_first);
    round->is_wrong = round->is_wrong || certificate->problem != NULL ||
                      certificate->waiting_s != 0;
    look_clear(&round->look);
    round->is_looking = false;
}

bool round_step(struct round *round)
{
    if (round->index == round->count)
        return false;
    if (!round->is_looking) {
        look_begin(&round->look, round->items[round->index]->config);
        round->is_looking = true;
    } else if (!look_step(&round->look)) {
        end_look(round);
    }
    return true;
}

void round_clear(struct round *round)
{
    if (round->is_looking)
        look_clear(&round->look);
    file_paths_clear(&round->paths);
    *round = (struct round){.count = 0};
}
