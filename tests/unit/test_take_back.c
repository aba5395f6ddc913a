/*
 * test_take_back.c - units that are taken back from a sliding window: whatever
 * the order, those that stay were never more than the limit in any window, and
 * with nothing but what stays the client is not refused for longer than the
 * window's margin.
 */
#include "tests/unit/unit.h"

#include "common/store/memory.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS    400
#define WINDOW_MS 16000

static const struct subject subject = {.len = 5, .text = "u=bob"};

/* An admission, in the order of time. */
struct admitted {
    uint64_t at_ms;
    uint32_t amount;
    bool is_back;
};

struct trial {
    struct memory_store *store;
    struct charge charge;
    uint64_t now_ms;
    size_t count;
    struct admitted events[EVENTS];
};

static uint32_t counted_since(const struct trial *trial, uint64_t since_ms)
{
    uint32_t sum = 0;

    for (size_t i = trial->count; i-- > 0;)
        if (trial->events[i].at_ms >= since_ms && !trial->events[i].is_back)
            sum += trial->events[i].amount;
    return sum;
}

static void trial_charge(struct trial *trial)
{
    struct charge charge = trial->charge;

    charge.amount = 1 + (uint32_t)rand() % 3;
    bool passes =
        memory_store_charge(trial->store, &charge, 1, false, trial->now_ms);
    uint32_t exact =
        counted_since(trial, trial->now_ms - WINDOW_MS) + charge.amount;
    if (passes) {
        assert_true(exact <= charge.limit);
        trial->events[trial->count++] =
            (struct admitted){trial->now_ms, charge.amount, false};
    }
}

/* With a moment that is too early, as a face's is. */
static void trial_take_back(struct trial *trial)
{
    if (trial->count == 0)
        return;
    struct admitted *event =
        &trial->events[trial->count - 1 - (size_t)rand() % trial->count % 8];
    uint64_t early_ms = (uint64_t)rand() % 50;
    struct charge charge = trial->charge;
    if (event->is_back)
        return;
    charge.amount = event->amount;
    memory_store_take_back(
        trial->store, &charge, event->at_ms - early_ms, trial->now_ms);
    if (trial->now_ms - (event->at_ms - early_ms) <= WINDOW_MS)
        event->is_back = true;
}

static uint32_t used(struct trial *trial)
{
    struct charge charge = trial->charge;

    (void)memory_store_charge(trial->store, &charge, 1, true, trial->now_ms);
    return charge.used;
}

static void trial_run(struct trial *trial, uint32_t limit)
{
    trial->store = memory_store_new(64);
    trial->charge = (struct charge){.kind = CHARGE_SLIDING,
        .subject = &subject,
        .name = "n",
        .limit = limit,
        .amount = 1,
        .window_ms = WINDOW_MS};
    trial->now_ms = 1000000;
    trial->count = 0;
    while (trial->count < EVENTS) {
        trial->now_ms += (uint64_t)rand() % (rand() % 20 == 0 ? 9000 : 400);
        if (rand() % 3 == 0)
            trial_take_back(trial);
        else
            trial_charge(trial);
        assert_true(
            used(trial) >= counted_since(trial, trial->now_ms - WINDOW_MS));
    }
    trial->now_ms += WINDOW_MS + 1;
    assert_int_equal(used(trial), 0);
    memory_store_free(&trial->store);
}

TEST(what_stays_is_never_more)
{
    struct trial *trial = calloc(1, sizeof *trial);

    srand(1);
    for (uint32_t round = 0; round < 60; round++)
        trial_run(trial, round % 2 == 0 ? 8 : 40); /* both widths of slots */
    free(trial);
}

TEST(exactly_comes_back)
{
    struct memory_store *store = memory_store_new(64);
    struct subject other_subject = {.len = 5, .text = "u=eve"};
    struct charge charge = {.kind = CHARGE_SLIDING,
        .subject = &subject,
        .name = "n",
        .limit = 10,
        .amount = 4,
        .window_ms = WINDOW_MS};
    struct charge other = charge;

    other.subject = &other_subject;
    assert_true(memory_store_charge(store, &other, 1, false, 100000));
    assert_true(memory_store_charge(store, &charge, 1, false, 100000));
    assert_true(memory_store_charge(store, &charge, 1, false, 101000));
    assert_false(memory_store_charge(store, &charge, 1, false, 101000));
    memory_store_take_back(store, &charge, 101000, 102000);
    assert_true(memory_store_charge(store, &charge, 1, true, 102000));
    assert_int_equal(charge.used, 4);
    /* What may have left already is let be; what is not there, too. */
    memory_store_take_back(store, &charge, 100000, 100001 + WINDOW_MS);
    assert_true(
        memory_store_charge(store, &other, 1, true, 100000 + WINDOW_MS));
    assert_int_equal(other.used, 4);
    charge.name = "m";
    memory_store_take_back(store, &charge, 100000, 102000);
    /* All of it, over several slots, and no more than that. */
    charge.name = "n";
    charge.amount = 100;
    memory_store_take_back(store, &charge, 100000, 102000);
    (void)memory_store_charge(store, &charge, 1, true, 102000);
    assert_int_equal(charge.used, 0);
    memory_store_free(&store);
}

RUN_TESTS(NULL, NULL)
