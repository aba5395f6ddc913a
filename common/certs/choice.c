/*
 * choice.c - see choice.h. Pure: the time is an argument.
 *
 * A source may hold old entries for good (Traefik never removes one), so
 * what is wrong with an entry matters only if it would have been taken.
 */
#include "common/certs/choice.h"

#include "common/base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_better(const struct chain *one, const struct chain *other)
{
    if (one->is_staging != other->is_staging)
        return other->is_staging;
    if (one->is_rare != other->is_rare)
        return other->is_rare;
    if (one->issued_at != other->issued_at)
        return one->issued_at > other->issued_at;
    return one->not_after > other->not_after;
}

/* What was found for the first name that a valid candidate covers. */
struct pick {
    const char *name; /* NULL: there is none */
    struct candidate *best[CHAIN_ALGORITHMS];
};

#define ANY_SOURCE SIZE_MAX

static void find_best(struct look *look, const char *name, size_t source,
    int64_t now_s, struct candidate *best[CHAIN_ALGORITHMS])
{
    struct error ignored;

    for (size_t i = 0; i < look->count; i++) {
        struct candidate *candidate = &look->items[i];
        const struct chain *chain = candidate->chain;
        if (chain == NULL ||
            (source != ANY_SOURCE && candidate->source != source) ||
            !chain_covers(chain, name) ||
            !chain_check_dates(chain, now_s, &ignored))
            continue;
        struct candidate **place = &best[chain->algorithm];
        if (*place == NULL || is_better(chain, (*place)->chain))
            *place = candidate;
    }
}

static bool has_any(struct candidate *const best[CHAIN_ALGORITHMS])
{
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        if (best[i] != NULL)
            return true;
    return false;
}

static void set_problem(struct choice *choice, char *problem)
{
    if (choice->problem == NULL)
        choice->problem = problem;
    else
        free(problem);
}

static struct pick pick_for(struct look *look, const struct choice_terms *terms)
{
    struct pick pick = {.name = NULL};

    for (char *const *name = terms->names; *name != NULL; name++) {
        find_best(look, *name, ANY_SOURCE, terms->now_s, pick.best);
        if (has_any(pick.best)) {
            pick.name = *name;
            break;
        }
    }
    return pick;
}

/* Would it have been taken, had it been sound? Not where its own source has one
 * that was issued later, or any source one of the same algorithm. */
static bool would_matter(struct look *look, const struct candidate *candidate,
    const struct pick *pick, int64_t now_s)
{
    struct candidate *best[CHAIN_ALGORITHMS] = {NULL};

    if (pick->name != NULL)
        find_best(look, pick->name, candidate->source, now_s, best);
    if (candidate->chain != NULL)
        best[candidate->chain->algorithm] =
            pick->best[candidate->chain->algorithm];
    if (!has_any(best) || candidate->issued_at == 0)
        return !has_any(best) || candidate->is_for_us;
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        if (best[i] != NULL &&
            best[i]->chain->issued_at >= candidate->issued_at)
            return false;
    return true;
}

static void find_problem(struct look *look, const struct choice_terms *terms,
    const struct pick *pick, struct choice *choice)
{
    char *const *names = terms->names;
    struct error err;

    if (look->failure != NULL)
        set_problem(choice, xstrdup(look->failure));
    for (size_t i = 0; i < look->count; i++) {
        const struct candidate *candidate = &look->items[i];
        bool matters = would_matter(look, candidate, pick, terms->now_s);
        if (candidate->problem != NULL && matters)
            set_problem(choice, xstrdup(candidate->problem));
        else if (candidate->chain != NULL && matters &&
                 !chain_check_dates(candidate->chain, terms->now_s, &err))
            set_problem(choice, xprintf("%s: %s", candidate->where, err.text));
    }
    if (pick->name != NULL)
        return;
    if (look->absence != NULL)
        set_problem(choice, xstrdup(look->absence));
    set_problem(choice, xprintf("no certificate there covers %s%s", names[0],
                            names[1] != NULL ? " or the other names" : ""));
}

static bool has_ordinary(struct chain *const chains[CHAIN_ALGORITHMS])
{
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        if (chains[i] != NULL && chain_is_ordinary((enum chain_algorithm)i))
            return true;
    return false;
}

/* What not every client knows is never served alone: the pick is given up. */
static void give_up_lonely(struct pick *pick, struct choice *choice)
{
    const struct candidate *lonely = NULL;

    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        if (pick->best[i] == NULL)
            continue;
        if (chain_is_ordinary((enum chain_algorithm)i))
            return;
        lonely = pick->best[i];
    }
    if (lonely == NULL)
        return;
    set_problem(choice,
        xprintf("%s: %s is served only beside RSA or ECDSA, since many "
                "clients do not know it; add a certificate with such a key",
            lonely->where, chain_algorithm_name(lonely->chain->algorithm)));
    *pick = (struct pick){.name = NULL};
}

static void leave_out(struct choice *choice, unsigned algorithm)
{
    chain_free(&choice->chains[algorithm]);
    free(choice->where[algorithm]);
    choice->where[algorithm] = NULL;
}

static void leave_out_lonely(struct choice *choice)
{
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        if (!has_ordinary(choice->chains))
            leave_out(choice, i);
}

/* What is in use, and no source has, may have come from one that is not there
 * at the moment. */
static bool is_waiting(const struct look *look,
    const struct choice_terms *terms, const struct pick *pick,
    struct chain *const in_use[CHAIN_ALGORITHMS])
{
    if (look->absence == NULL || look->is_in_making)
        return look->absence != NULL;
    for (unsigned i = 0; i < CHAIN_ALGORITHMS && !terms->has_waited; i++)
        if (in_use[i] != NULL && pick->best[i] == NULL)
            return true;
    return false;
}

static void keep(struct chain **kept, struct chain **in_use)
{
    *kept = *in_use;
    *in_use = NULL;
}

static bool is_same(const struct chain *a, const struct chain *b)
{
    return a->pem_len == b->pem_len && memcmp(a->pem, b->pem, a->pem_len) == 0;
}

static bool may_replace(struct choice *choice, const struct chain *in_use,
    const struct candidate *best, const struct choice_terms *terms)
{
    const struct chain *chain = best->chain;
    struct error ignored;

    if (in_use == NULL)
        return true;
    if (is_same(in_use, chain))
        return false;
    if (terms->is_new_source ||
        !chain_check_dates(in_use, terms->now_s, &ignored))
        return true;
    if (chain->is_staging && !in_use->is_staging) {
        set_problem(choice, xprintf("%s: signed by an authority for tests, %s",
                                best->where, chain->issuer));
        return false;
    }
    return terms->is_settled || choice->problem == NULL ||
           !is_better(in_use, chain);
}

static void take(struct choice *choice, struct candidate *best,
    struct chain **in_use, const struct choice_terms *terms)
{
    struct chain **place = &choice->chains[best->chain->algorithm];

    if (!may_replace(choice, *in_use, best, terms)) {
        keep(place, in_use);
        return;
    }
    *place = best->chain;
    best->chain = NULL;
    choice->where[(*place)->algorithm] = xstrdup(best->where);
}

/* Postfix reads all of them from one reply. */
static void fit_reply(struct choice *choice)
{
    size_t len = 0;

    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        struct chain *chain = choice->chains[i];
        if (chain == NULL)
            continue;
        len += chain->pem_len;
        if (chain_reply_size(len) <= CHAIN_REPLY_MAX)
            continue;
        set_problem(choice,
            xprintf("%s chain left out: together with the others longer than "
                    "Postfix reads",
                chain_algorithm_name(chain->algorithm)));
        len -= chain->pem_len;
        leave_out(choice, i);
    }
}

/* An expired chain is kept only where there is no other. */
static bool may_keep(const struct chain *in_use,
    const struct choice_terms *terms, const struct pick *pick)
{
    struct error ignored;

    return in_use != NULL &&
           (pick->name == NULL ||
               chain_check_dates(in_use, terms->now_s, &ignored));
}

void choice_make(struct look *look, const struct choice_terms *terms,
    struct chain *in_use[CHAIN_ALGORITHMS], struct choice *choice_r)
{
    struct pick pick = pick_for(look, terms);

    *choice_r = (struct choice){.problem = NULL};
    find_problem(look, terms, &pick, choice_r);
    give_up_lonely(&pick, choice_r);
    choice_r->is_waiting = is_waiting(look, terms, &pick, in_use);
    bool may_be_kept = choice_r->problem != NULL || choice_r->is_waiting;
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        if (pick.best[i] != NULL)
            take(choice_r, pick.best[i], &in_use[i], terms);
        else if (may_be_kept && may_keep(in_use[i], terms, &pick))
            keep(&choice_r->chains[i], &in_use[i]);
    leave_out_lonely(choice_r);
    fit_reply(choice_r);
}

void choice_clear(struct choice *choice)
{
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        leave_out(choice, i);
    free(choice->problem);
    *choice = (struct choice){.problem = NULL};
}

char *choice_pem(struct chain *const chains[CHAIN_ALGORITHMS], size_t *len_r)
{
    size_t len = 0, at = 0;

    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        len += chains[i] != NULL ? chains[i]->pem_len : 0;
    char *pem = xcalloc(1, len + 1);
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        if (chains[i] == NULL)
            continue;
        memcpy(pem + at, chains[i]->pem, chains[i]->pem_len);
        at += chains[i]->pem_len;
    }
    *len_r = len;
    return pem;
}
