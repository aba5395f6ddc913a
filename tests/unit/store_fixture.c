/* store_fixture.c - see store_fixture.h. */
#include "tests/unit/store_fixture.h"

#include "tests/unit/run_delay.h"

#include "common/base/log.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fixture_turn(struct fixture *f)
{
    static const struct timeval tick = {.tv_usec = 1000};
    (void)event_base_loopexit(f->base, &tick);
    (void)event_base_dispatch(f->base);
}

void fixture_turn_for(struct fixture *f, uint64_t ms)
{
    uint64_t until_ms = clock_monotonic_ms() + ms;
    while (clock_monotonic_ms() < until_ms)
        fixture_turn(f);
}

bool store_is_available(const struct store *store)
{
    struct store_state state;
    store_state(store, &state);
    return state.is_available;
}

struct store_state store_state_of(const struct store *store)
{
    struct store_state state;
    store_state(store, &state);
    return state;
}

struct store *fixture_open(struct fixture *f)
{
    struct error err;
    struct store *store = store_open(f->base, NULL, &f->config, &err);
    assert_non_null(store);
    return store;
}

struct store *fixture_open_ready(struct fixture *f)
{
    struct store *store = fixture_open(f);
    UNTIL(f, store_is_available(store));
    return store;
}

int fixture_setup(void **state)
{
    static char name[] = "a test", prefix[] = "t", empty[] = "";
    char target[128];
    struct error err;
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    f->base = event_base_new();
    redis_server_init(&f->server);
    (void)snprintf(f->log_path, sizeof f->log_path, "%s/tollgate.log",
        f->server.directory);
    (void)snprintf(target, sizeof target, "file:%s", f->log_path);
    if (!log_open(target, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "test", &err))
        return -1;
    redis_server_run(&f->server);
    f->config = (struct config){
        .store = f->server.url,
        .store_prefix = prefix,
        .store_timeout_ms = PATIENT_MS,
        .store_username = empty,
        .store_password = f->password,
        .instance_name = name,
        .lease_ttl_ms = LEASE_TTL_MS,
    };
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    struct error err;
    if (f->server.pid != 0)
        (void)kill(f->server.pid, SIGCONT);
    store_close(&f->one);
    store_close(&f->two);
    (void)log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "test", &err);
    (void)unlink(f->log_path);
    redis_server_clear(&f->server);
    event_base_free(f->base);
    free(f);
    return 0;
}

unsigned fixture_logged(const struct fixture *f, const char *text)
{
    char line[4096];
    unsigned count = 0;
    FILE *file = fopen(f->log_path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, text) != NULL;
    (void)fclose(file);
    return count;
}

static void ask_on_done(struct store_request *request, enum store_status status)
{
    struct ask *ask = request->context;
    ask->answers++;
    ask->status = status;
    ask->answered_ms = clock_monotonic_ms();
    ask->delay_ms = run_delay_ms() - ask->delay_ms;
}

void ask_init(struct ask *ask, const char *subject)
{
    *ask = (struct ask){.status = STORE_UNAVAILABLE};
    ask->subject.len = (uint8_t)snprintf(
        ask->subject.text, sizeof ask->subject.text, "%s", subject);
    ask->request = (struct store_request){
        .charges = ask->charges,
        .on_done = ask_on_done,
        .context = ask,
    };
}

struct charge *ask_add(
    struct ask *ask, enum charge_kind kind, const char *name, uint32_t limit)
{
    struct charge *charge = &ask->charges[ask->request.count++];
    *charge = (struct charge){
        .kind = kind,
        .subject = &ask->subject,
        .name = name,
        .limit = limit,
        .amount = 1,
        .window_ms = kind == CHARGE_LEASE ? 0 : 60000,
    };
    return charge;
}

void ask_send(struct store *store, struct ask *ask)
{
    ask->sent_ms = clock_monotonic_ms();
    ask->delay_ms = run_delay_ms();
    store_charge(store, &ask->request);
}

void ask_run(struct fixture *f, struct store *store, struct ask *ask)
{
    ask_send(store, ask);
    UNTIL(f, ask->answers > 0);
    assert_int_equal(ask->answers, 1);
}

bool fixture_charge(struct fixture *f, struct store *store, const char *subject,
    enum charge_kind kind, uint32_t limit, uint32_t *used_r)
{
    struct ask ask;
    ask_init(&ask, subject);
    ask_add(&ask, kind, "n", limit);
    ask_run(f, store, &ask);
    assert_int_equal(ask.status, STORE_OK);
    if (used_r != NULL)
        *used_r = ask.charges[0].used;
    return !ask.charges[0].refused;
}

bool fixture_take_lease(
    struct fixture *f, struct store *store, const char *subject, uint32_t limit)
{
    return fixture_charge(f, store, subject, CHARGE_LEASE, limit, NULL);
}

void fixture_release(struct store *store, const char *subject)
{
    struct ask ask;
    ask_init(&ask, subject);
    store_release(store, &ask.subject, "n");
}

uint32_t fixture_leased(struct fixture *f, const char *subject)
{
    struct ask ask;
    struct store *reader = fixture_open_ready(f);
    ask_init(&ask, subject);
    ask_add(&ask, CHARGE_LEASE, "n", 0);
    ask.request.peek = true;
    ask_run(f, reader, &ask);
    assert_int_equal(ask.status, STORE_OK);
    store_close(&reader);
    return ask.charges[0].used;
}

bool fixture_lease_exists(struct fixture *f, const char *subject)
{
    return redis_server_number(&f->server, "EXISTS t:{%s}ln", subject) == 1;
}
