/*
 * test_redis_inspect.c - who holds what, what is forgotten, who is behind an
 * identity; with two daemons on a real server.
 */
#include "tests/unit/store_fixture.h"

#include "common/store/store_inspect.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct look {
    struct store_inspection inspection;
    struct charge charge;
    struct subject subject;
    unsigned answers;
    enum store_status status;
};

static void on_done(
    struct store_inspection *inspection, enum store_status status)
{
    struct look *look = inspection->context;
    look->answers++;
    look->status = status;
}

/* The counter that fixture_charge and fixture_take_lease use. */
static void look_init(
    struct look *look, const char *subject, enum charge_kind kind)
{
    struct ask ask;
    ask_init(&ask, subject);
    *look = (struct look){.subject = ask.subject};
    look->charge = *ask_add(&ask, kind, "n", 1);
    look->charge.subject = &look->subject;
    look->inspection.charge = &look->charge;
    look->inspection.on_done = on_done;
    look->inspection.context = look;
}

static void look_run(struct fixture *f, struct store *store, struct look *look,
    void (*verb)(struct store *, struct store_inspection *))
{
    look->answers = 0;
    look->inspection.was_there = false;
    verb(store, &look->inspection);
    UNTIL(f, look->answers == 1);
}

TEST_WITH(fixture_setup, fixture_teardown, holders)
{
    struct fixture *f = *state;
    struct look look;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    look_init(&look, "c=1", CHARGE_LEASE);
    look_run(f, f->one, &look, store_read_holders);
    assert_int_equal(look.status, STORE_OK);
    assert_int_equal(look.inspection.holder_count, 0);

    assert_true(fixture_take_lease(f, f->one, "c=1", 9));
    assert_true(fixture_take_lease(f, f->two, "c=1", 9));
    assert_true(fixture_take_lease(f, f->two, "c=1", 9));
    look_run(f, f->one, &look, store_read_holders);
    const struct store_holder *holders = look.inspection.holders;
    assert_int_equal(look.inspection.holder_count, 2);
    /* the one that wrote last is the first */
    assert_int_equal(holders[0].count, 2);
    assert_false(holders[0].is_ours);
    assert_int_equal(holders[1].count, 1);
    assert_true(holders[1].is_ours);
    assert_int_equal(strlen(holders[0].id), STORE_ID_SIZE - 1);
    assert_string_not_equal(holders[0].id, holders[1].id);
}

static struct {
    struct store_recall recall;
    unsigned answers;
} told;

static void on_told(struct store_recall *recall, enum store_status status)
{
    assert_int_equal(status, STORE_OK);
    told.answers++;
}

TEST_WITH(fixture_setup, fixture_teardown, announce)
{
    struct fixture *f = *state;
    struct look look;
    char key[STORE_ANNOUNCE_KEY_SIZE];
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    assert_true(fixture_take_lease(f, f->two, "c=1", 9));
    store_announce(f->two, "a name that is much longer than 31 bytes");
    look_init(&look, "c=1", CHARGE_LEASE);
    look_run(f, f->one, &look, store_read_holders);
    store_announce_key(look.inspection.holders[0].id, key);
    told.recall.on_done = on_told;
    told.answers = 0;
    store_note_read(f->one, key, &told.recall);
    UNTIL(f, told.answers == 1);
    assert_string_equal(told.recall.value, "a name that is much longer than");
}

TEST_WITH(fixture_setup, fixture_teardown, forget)
{
    static const enum charge_kind kinds[] = {CHARGE_SLIDING, CHARGE_FIXED};
    struct fixture *f = *state;
    struct look look;
    uint32_t used;
    f->one = fixture_open_ready(f);
    f->two = fixture_open_ready(f);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        look_init(&look, "c=1", kinds[i]);
        look_run(f, f->one, &look, store_forget);
        assert_false(look.inspection.was_there);
        for (int n = 0; n < 2; n++)
            assert_true(fixture_charge(f, f->two, "c=1", kinds[i], 2, &used));
        assert_false(fixture_charge(f, f->two, "c=1", kinds[i], 2, &used));
        /* by the one whose memory of refusals must not outlive it */
        look_run(f, f->two, &look, store_forget);
        assert_int_equal(look.status, STORE_OK);
        assert_true(look.inspection.was_there);
        assert_true(fixture_charge(f, f->two, "c=1", kinds[i], 2, &used));
        assert_int_equal(used, 1);
        look_run(f, f->two, &look, store_forget);
    }
}

TEST_WITH(fixture_setup, fixture_teardown, away)
{
    struct fixture *f = *state;
    struct look look;
    f->config.store_timeout_ms = TIMEOUT_MS;
    f->one = fixture_open_ready(f);
    look_init(&look, "c=1", CHARGE_LEASE);
    kill(f->server.pid, SIGSTOP);
    look_run(f, f->one, &look, store_read_holders);
    assert_int_equal(look.status, STORE_UNAVAILABLE);
    look_run(f, f->one, &look, store_forget);
    assert_int_equal(look.status, STORE_UNAVAILABLE);
    kill(f->server.pid, SIGCONT);
}

TEST_WITH(fixture_setup, fixture_teardown, cancel)
{
    struct fixture *f = *state;
    struct look look;
    f->one = fixture_open_ready(f);
    look_init(&look, "c=1", CHARGE_LEASE);
    store_inspect_cancel(f->one, &look.inspection);
    store_read_holders(f->one, &look.inspection);
    store_inspect_cancel(f->one, &look.inspection);
    fixture_turn_for(f, 20); /* nobody is called */
    assert_int_equal(look.answers, 0);
}

/* A value that is no lease of ours. */
TEST_WITH(fixture_setup, fixture_teardown, strange_values)
{
    struct fixture *f = *state;
    struct look look;
    f->one = fixture_open_ready(f);
    look_init(&look, "c=1", CHARGE_LEASE);
    redis_server_number(&f->server, "APPEND t:{c=1}ln short");
    look_run(f, f->one, &look, store_read_holders);
    assert_int_equal(look.inspection.holder_count, 0);
    redis_server_number(&f->server, "DEL t:{c=1}ln");
    redis_server_number(&f->server, "LPUSH t:{c=1}ln x");
    look_run(f, f->one, &look, store_read_holders);
    assert_int_equal(look.status, STORE_UNAVAILABLE);
}

int main(void)
{
    if (!redis_server_exists()) {
        (void)printf("skipped: there is no redis-server here\n");
        return 77;
    }
    return run_all_tests(NULL, NULL);
}
