/* test_script_call.c - arguments as store.lua wants them; replies as it
 * gives them, and as nobody should. */
#include "tests/unit/unit.h"

#include "common/redis/reader.h"
#include "common/store/script_call.h"

#include <stdlib.h>
#include <string.h>

static const struct script_holder holder = {
    .prefix = "tollgate",
    .lease_ttl_ms = 30000,
    .id = {1, 0, 2, '\r', '\n', 255, 7, 8},
};
static const struct subject subject = {.len = 5, .text = "u=bob"};

static void assert_arg(
    const struct script_call *call, int at, const char *wanted)
{
    assert_int_equal(call->argv_len[at], strlen(wanted));
    assert_memory_equal(call->argv[at], wanted, strlen(wanted));
}

static void assert_args(
    const struct script_call *call, const char *const *wanted, int count)
{
    assert_int_equal(call->argc, count);
    for (int i = 0; i < count; i++)
        if (wanted[i] != NULL)
            assert_arg(call, i, wanted[i]);
}

TEST(arguments)
{
    struct script_call *call = calloc(1, sizeof *call);
    struct charge sliding = {.kind = CHARGE_SLIDING,
        .subject = &subject,
        .name = "day",
        .limit = 500,
        .amount = 3,
        .window_ms = 86400001};
    struct charge fixed = {.kind = CHARGE_FIXED,
        .shadow = true,
        .subject = &subject,
        .name = "rates",
        .amount = 1,
        .field = 4,
        .window_ms = 60001};
    struct charge lease = {.kind = CHARGE_LEASE,
        .subject = &subject,
        .name = "open",
        .limit = 4294967295,
        .amount = 1};
    assert_non_null(call);

    script_call_begin(call, &holder, "0123", 3, SCRIPT_CHARGE);
    script_call_add(call, &sliding, 0);
    script_call_add(call, &fixed, 0);
    script_call_add(call, &lease, 17);
    assert_args(call,
        (const char *[]){"EVALSHA", "0123", "3", "tollgate:{u=bob}sday",
            "tollgate:{u=bob}frates", "tollgate:{u=bob}lopen", "csFl", "500",
            "86400001", "3", "91801002", "0", "61", "1", "4", "4294967295",
            "30000", "17", NULL},
        19);
    assert_int_equal(call->argv_len[18], 8);
    assert_memory_equal(call->argv[18], holder.id, 8);

    script_call_begin(call, &holder, "4567", 1, SCRIPT_PEEK);
    script_call_add_lease(call, &subject, "", 0);
    assert_args(call,
        (const char *[]){"EVALSHA", "4567", "1", "tollgate:{u=bob}l", "pl", "0",
            "30000", "0", NULL},
        9);
    free(call);
}

/* The value's hash in the place of an amount; the key outlives the last part,
 * or the window. */
TEST(distinct_arguments)
{
    struct script_call *call = calloc(1, sizeof *call);
    struct charge charge = {.kind = CHARGE_DISTINCT,
        .subject = &subject,
        .name = "nets",
        .limit = 5,
        .amount = 1,
        .value = 1048575,
        .window_ms = 3600000};
    assert_non_null(call);

    script_call_begin(call, &holder, "0123", 2, SCRIPT_CHARGE);
    script_call_add(call, &charge, 0);
    charge.kind = CHARGE_DISTINCT_FIXED;
    charge.shadow = true;
    script_call_add(call, &charge, 0);
    assert_args(call,
        (const char *[]){"EVALSHA", "0123", "2", "tollgate:{u=bob}dnets",
            "tollgate:{u=bob}enets", "cdE", "5", "3600000", "1048575",
            "3858145", "5", "3600000", "1048575", "3601000"},
        14);
    free(call);
}

/* The longest of everything, as often as possible, stays inside. */
TEST(bounds)
{
    struct script_call *call = calloc(1, sizeof *call);
    char prefix[300], name[600];
    struct subject longest = {.len = SUBJECT_SIZE - 1};
    struct charge charge = {.kind = CHARGE_SLIDING,
        .subject = &longest,
        .name = name,
        .limit = UINT32_MAX,
        .amount = UINT32_MAX,
        .window_ms = 31622400000};
    struct script_holder wide = {.prefix = prefix};
    assert_non_null(call);
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memset(longest.text, 's', SUBJECT_SIZE - 1);
    script_call_begin(call, &wide, "sha", SCRIPT_LIMITS_MAX, SCRIPT_CHARGE);
    for (int i = 0; i < SCRIPT_LIMITS_MAX; i++)
        script_call_add(call, &charge, 0);
    assert_true(call->used <= sizeof call->text);
    assert_int_equal(call->argv_len[3], 128 + 2 + 127 + 2 + 255);

    char key[SCRIPT_KEY_SIZE];
    assert_int_equal(script_note_key(&wide, name, key), 128 + 2 + 2 + 255 + 1);
    assert_int_equal(script_note_key(&holder, "1a2.b", key), 18);
    assert_memory_equal(key, "tollgate:{n|1a2.b}", 18);
    free(call);
}

/* used and retry of up to three charges; count 0: bad. */
static const struct {
    const char *bytes;
    bool peek, passes, ok;
    size_t count;
    struct {
        uint32_t used;
        int64_t retry_ms;
    } wanted[3];
} replies[] = {
    {":7\r\n", false, true, true, 1, {{7, 0}}},
    {":0\r\n", false, true, true, 1, {{0, 0}}},
    {"*2\r\n:10\r\n:321\r\n", false, false, true, 1, {{10, 321}}},
    {"*2\r\n:10\r\n:-1\r\n", false, false, true, 1, {{10, -1}}},
    {"*2\r\n:3\r\n:0\r\n", true, true, true, 1, {{3, 0}}},
    {"*2\r\n:3\r\n:4\r\n", false, true, true, 2, {{3, 0}, {4, 0}}},
    {"*4\r\n:3\r\n:0\r\n:4\r\n:9\r\n", false, false, true, 2, {{3, 0}, {4, 9}}},
    {"*6\r\n:1\r\n:0\r\n:2\r\n:0\r\n:3\r\n:5\r\n", true, false, true, 3,
        {{1, 0}, {2, 0}, {3, 5}}},
    {":99999999999\r\n", false, true, true, 1, {{UINT32_MAX, 0}}},
    {":7\r\n", true, false, false, 1, {{0, 0}}},
    {":7\r\n", false, false, false, 2, {{0, 0}}},
    {":-1\r\n", false, false, false, 1, {{0, 0}}},
    {"+OK\r\n", false, false, false, 1, {{0, 0}}},
    {"$-1\r\n", false, false, false, 1, {{0, 0}}},
    {"$1\r\n7\r\n", false, false, false, 1, {{0, 0}}},
    {"*0\r\n", false, false, false, 1, {{0, 0}}},
    {"*-1\r\n", false, false, false, 1, {{0, 0}}},
    {"*1\r\n:7\r\n", false, false, false, 1, {{0, 0}}},
    {"*3\r\n:7\r\n:0\r\n:1\r\n", false, false, false, 1, {{0, 0}}},
    {"*2\r\n:7\r\n$1\r\n0\r\n", false, false, false, 1, {{0, 0}}},
    {"*2\r\n:-7\r\n:0\r\n", false, false, false, 1, {{0, 0}}},
    {"*2\r\n:7\r\n:-2\r\n", false, false, false, 1, {{0, 0}}},
    {"*2\r\n:7\r\n:-1\r\n", false, false, false, 2, {{0, 0}}},
    {"*2\r\n:3\r\n:4\r\n", true, false, false, 2, {{0, 0}}},
    {"*2\r\n:7\r\n*0\r\n", false, false, false, 2, {{0, 0}}},
    {"*3\r\n:7\r\n:7\r\n:7\r\n", false, false, false, 2, {{0, 0}}},
};

static redisReply *parse(struct redis_reader *reader, const char *bytes)
{
    redisReply *reply = NULL;
    assert_true(redis_reader_feed(reader, bytes, strlen(bytes)));
    assert_int_equal(redis_reader_next(reader, &reply), REDIS_READ_DONE);
    return reply;
}

TEST(replies)
{
    struct redis_reader *reader = redis_reader_new(0);
    for (size_t i = 0; i < COUNT(replies); i++) {
        struct charge charges[3] = {{.used = 555}, {.used = 555}};
        size_t count = replies[i].count;
        redisReply *reply = parse(reader, replies[i].bytes);
        bool ok = script_reply_read(reply, charges, count, replies[i].peek);
        if (ok != replies[i].ok)
            fail_msg("reply %zu: %d", i, ok);
        freeReplyObject(reply);
        if (!ok) {
            assert_int_equal(charges[0].used, 555);
            continue;
        }
        for (size_t n = 0; n < count; n++) {
            int64_t retry_ms = replies[i].wanted[n].retry_ms;
            assert_int_equal(charges[n].used, replies[i].wanted[n].used);
            assert_int_equal(charges[n].retry_ms, retry_ms);
            assert_int_equal(charges[n].refused, retry_ms != 0);
        }
        assert_int_equal(charges_pass(charges, count), replies[i].passes);
    }
    redis_reader_free(&reader);
}

TEST(shadows_pass)
{
    struct charge charges[2] = {{.refused = true, .shadow = true}};
    assert_true(charges_pass(charges, 2));
    charges[1].refused = true;
    assert_false(charges_pass(charges, 2));
}

TEST(errors)
{
    assert_int_equal(
        script_error_of("NOSCRIPT No matching script."), SCRIPT_ERROR_MISSING);
    assert_int_equal(script_error_of("WRONGTYPE Operation against a key"),
        SCRIPT_ERROR_REQUEST);
    assert_int_equal(script_error_of("ERR user_script:1: data string too"),
        SCRIPT_ERROR_REQUEST);
    assert_int_equal(
        script_error_of("READONLY You can't write"), SCRIPT_ERROR_MOVED_ON);
    assert_int_equal(
        script_error_of("LOADING Redis is loading"), SCRIPT_ERROR_SERVER);
    assert_int_equal(script_error_of("BUSY Redis is"), SCRIPT_ERROR_SERVER);
    assert_int_equal(script_error_of("OOM command"), SCRIPT_ERROR_SERVER);
    assert_int_equal(script_error_of(""), SCRIPT_ERROR_SERVER);
    assert_int_equal(script_error_of("ERROR"), SCRIPT_ERROR_SERVER);
}

RUN_TESTS(NULL, NULL)
