/*
 * test_lease_history.c - random histories against a model of the store, which
 * executes in order and loses answers: once all is quiet it knows exactly
 * what is held.
 */
#include "tests/unit/unit.h"

#include "common/store/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct subject client(unsigned number)
{
    struct subject subject = {.len = 0};
    subject.len = (uint8_t)snprintf(
        subject.text, sizeof subject.text, "s=25|c=192.0.2.%u", number);
    return subject;
}

static uint32_t held(struct lease_table *table, const struct subject *subject)
{
    const struct lease *lease = lease_find(table, subject, "n");
    return lease == NULL ? 0 : lease->held;
}

struct command {
    struct lease *lease;
    unsigned client;
    uint32_t mine;
    bool is_write, is_wanted;
};

#define CLIENTS   5
#define UNDER_WAY 64

struct model {
    struct lease_table *table;
    struct command commands[UNDER_WAY];
    size_t count;
    uint32_t stored[CLIENTS]; /* in the store */
    uint32_t own[CLIENTS];    /* what faces hold */
};

static void model_ask(struct model *model, unsigned number)
{
    struct subject subject = client(number);
    if (model->count == UNDER_WAY)
        return;
    struct command *command = &model->commands[model->count++];
    *command = (struct command){
        .client = number,
        .is_wanted = random() % 4 != 0,
    };
    command->lease = lease_ask(model->table, &subject, "n", &command->mine);
}

static void model_release(struct model *model, unsigned number)
{
    struct subject subject = client(number);
    if (model->own[number] == 0)
        return;
    model->own[number]--;
    lease_release(model->table, &subject, "n");
}

static void model_write(struct model *model)
{
    if (model->count == UNDER_WAY)
        return;
    struct command *command = &model->commands[model->count];
    *command = (struct command){.is_write = true};
    command->lease = lease_next_write(model->table, &command->mine);
    if (command->lease == NULL)
        return;
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct subject subject = client(i);
        if (strcmp(subject.text, command->lease->subject.text) == 0)
            command->client = i;
    }
    model->count++;
}

static void model_answer(struct model *model, bool loses)
{
    if (model->count == 0)
        return;
    struct command done = model->commands[0];
    model->count--;
    memmove(model->commands, model->commands + 1,
        model->count * sizeof(struct command));
    bool is_lost = loses && random() % 10 == 0;
    bool is_refused = !done.is_write && random() % 3 == 0;
    bool has_run = !is_lost || random() % 2 == 0;
    if (!is_refused && has_run)
        model->stored[done.client] = done.mine;
    enum lease_outcome outcome = LEASE_ADMITTED;
    if (is_lost)
        outcome = LEASE_UNKNOWN;
    else if (is_refused)
        outcome = LEASE_REFUSED;
    if (done.is_write) {
        lease_written(model->table, done.lease, done.mine, outcome, 1);
        return;
    }
    if (outcome == LEASE_ADMITTED && done.is_wanted)
        model->own[done.client]++;
    lease_answer(
        model->table, done.lease, done.mine, outcome, done.is_wanted, 1);
}

/* Answers come as fast as questions, or up to seven times faster. */
static void model_step(struct model *model, unsigned seed)
{
    unsigned number = (unsigned)random() % CLIENTS;
    switch (random() % (4 + seed % 7)) {
    case 0:
        model_ask(model, number);
        break;
    case 1:
        model_release(model, number);
        break;
    case 2:
        model_write(model);
        break;
    default:
        model_answer(model, true);
        break;
    }
}

static void run_history(unsigned seed)
{
    struct model model = {.table = lease_table_new()};
    srandom(seed);
    for (int step = 0; step < 3000; step++)
        model_step(&model, seed);
    while (model.count > 0 || lease_has_queued(model.table)) {
        model_write(&model);
        model_answer(&model, false);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct subject subject = client(i);
        assert_int_equal(held(model.table, &subject), model.own[i]);
        assert_int_equal(model.stored[i], model.own[i]);
    }
    lease_table_free(&model.table);
}

TEST(random_histories)
{
    for (unsigned seed = 1; seed <= 300; seed++)
        run_history(seed);
}

RUN_TESTS(NULL, NULL)
