/*
 * test_certs_large.c - looks that take long hold up nobody.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "tests/unit/certs_stage.h"

#include <event2/event.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct issued issue_for(const char *names, long ends_in_days)
{
    return issue(&(struct issue){
        .key = "EC:P-256", .names = names, .ends_in_days = ends_in_days});
}

struct ticks {
    struct event *timer;
    size_t count;
};

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct ticks *ticks = context;
    const struct timeval at_once = {0};

    ticks->count++;
    evtimer_add(ticks->timer, &at_once);
}

static char *encode(const struct file_text *text)
{
    char *encoded = xcalloc(1, text->len * 2);

    EVP_EncodeBlock((unsigned char *)encoded,
        (const unsigned char *)text->bytes, (int)text->len);
    return encoded;
}

static void write_acme(
    struct certs_stage *stage, const struct issued *issued, size_t count)
{
    char *chain = encode(&issued->chain), *key = encode(&issued->key);
    size_t size = count * (strlen(chain) + strlen(key) + 100) + 100;
    char *text = xcalloc(1, size);
    size_t at = (size_t)snprintf(text, size, "{\"le\":{\"Certificates\":[");

    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, size - at,
            "%s{\"domain\":{\"main\":\"d%zu.example\"},\"certificate\":\"%s\","
            "\"key\":\"%s\"}",
            i > 0 ? "," : "", i, chain, key);
    at += (size_t)snprintf(text + at, size - at, "]}}");
    stage_write(stage, "acme.json", text, at);
    free(chain);
    free(key);
    free(text);
}

/* Processor time of this process: a busy machine adds nothing to it. */
static uint64_t own_us(void)
{
    struct timespec spent;

    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent), 0);
    return (uint64_t)spent.tv_sec * 1000000 + (uint64_t)spent.tv_nsec / 1000;
}

/* However large a store is, others have their turn all the time. */
TEST_WITH(
    certs_stage_setup, certs_stage_teardown, a_large_store_holds_up_nobody)
{
    struct certs_stage *stage = *state;
    struct ticks ticks = {.count = 0};
    const struct timeval at_once = {0};
    struct issued other = issue_for("DNS:other.example", 50);

    write_acme(stage, &other, 3000);
    stage_configure(stage,
        "certificate \"one.example\" { source = \"traefik:%s/acme.json\" }");
    ticks.timer = evtimer_new(stage->base, on_tick, &ticks);
    evtimer_add(ticks.timer, &at_once);
    uint64_t began_us = own_us();
    stage_look(stage);
    uint64_t took_us = own_us() - began_us;
    /* 2 ms at a time, and a little for what cannot be divided. */
    assert_true(ticks.count > took_us / 10000);
    assert_true(ticks.count > 10);
    event_free(ticks.timer);
    issued_clear(&other);
}

static void count_calls(void *context)
{
    unsigned *count = context;
    (*count)++;
}

/* Asked while a look is under way, about what may have been read already:
 * the answer comes after another one. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, asked_during_a_look)
{
    struct certs_stage *stage = *state;
    struct issued other = issue_for("DNS:other.example", 50);
    unsigned first = 0, second = 0;

    write_acme(stage, &other, 1000);
    stage_configure(stage,
        "certificate \"one.example\" { source = \"traefik:%s/acme.json\" }");
    certs_look_now(stage->certs, count_calls, &first);
    event_base_loop(stage->base, EVLOOP_ONCE);
    certs_look_now(stage->certs, count_calls, &second);
    while (first == 0) {
        assert_int_equal(second, 0);
        event_base_loop(stage->base, EVLOOP_ONCE);
    }
    assert_int_equal(second, 0);
    while (second == 0)
        event_base_loop(stage->base, EVLOOP_ONCE);
    assert_int_equal(first, 1);
    issued_clear(&other);
}

RUN_TESTS(NULL, NULL)
