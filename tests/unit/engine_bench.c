/*
 * engine_bench.c - see engine_bench.h.
 */
#include "tests/unit/engine_bench.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_verdict(struct decision *decision)
{
    struct bench *bench = decision->context;

    bench->verdicts++;
}

struct config *bench_load(const char *text)
{
    char path[] = "/tmp/tollgate-test-XXXXXX";
    struct error err;
    int fd = mkstemp(path);

    assert_int_not_equal(fd, -1);
    /* A file without a word is an error. */
    assert_int_equal(dprintf(fd, "# of a test\n%s", text),
        (int)(strlen("# of a test\n") + strlen(text)));
    close(fd);
    const struct config_source source = {.path = path};
    struct config *config = config_load(&source, &err);
    unlink(path);
    if (config == NULL)
        fail_msg("%s", err.text);
    return config;
}

void bench_open(struct bench *bench, const char *text)
{
    struct config *config = bench_load(text);

    memset(bench, 0, sizeof *bench);
    fake_store_reset();
    bench->engine = engine_new(NULL, config);
    config_unref(&config);
    bench->decision.on_verdict = on_verdict;
    bench->decision.context = bench;
}

void bench_close(struct bench *bench)
{
    decision_clear(&bench->decision);
    engine_free(&bench->engine);
}

struct event bench_event(enum face face, const char *client)
{
    struct event event = {
        .face = face, .service = "smtp", .client_text = client, EVENT_NO_TEXTS};
    struct error err;

    assert_true(cidr_parse(client, &event.client, &err));
    return event;
}

const struct verdict *bench_decide(struct bench *bench, struct event event)
{
    bench->decision.event = event;
    engine_decide(bench->engine, &bench->decision);
    return &bench->decision.verdict;
}

const char bench_policy_limits[] =
    "client_limits_at = \"policy\"\n"
    "client_message_rate_limit = 5\n"
    "client_recipient_rate_limit = 10\n"
    "exempt_clients = { \"192.0.2.0/24\" }\n"
    "limit \"cap\" { event = \"recipient\" max_per_message = 3 }\n"
    "limit \"user\" { event = \"recipient\" key = { \"sasl_username\" }\n"
    "  rate = \"20/1h\" on_store_failure = \"defer\" }\n"
    "limit \"watch\" { at = \"policy\" event = \"message\"\n"
    "  key = { \"client\" } rate = \"2/1m\" shadow = true on_store_failure = "
    "\"accept\" }\n";

struct event bench_first_recipient(void)
{
    struct event event = bench_event(FACE_POLICY, "198.51.100.7");

    event.amount[EVENT_MESSAGE] = 1;
    event.amount[EVENT_RECIPIENT] = 1;
    event.sasl_username = "bob";
    return event;
}
