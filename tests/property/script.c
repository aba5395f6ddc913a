/* script.c - see script.h; hiredis's blocking calls. */
#include "tests/property/script.h"

#include "common/base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#define SCRIPT_SIZE_MAX 65536
#define ARGS_MAX        (4 + 5 * SCRIPT_LIMITS_MAX)

struct script {
    redisContext *redis;
    char sha[41];
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "limits_property: %s: %s\n", what, why);
    exit(2);
}

/* The server ran the script, and this came of it: a verdict, not an accident.
 */
static void condemn(const char *why)
{
    printf("FAIL redis script: %s\n", why);
    exit(1);
}

static void script_load(struct script *script, const char *path)
{
    static char text[SCRIPT_SIZE_MAX];
    FILE *file = fopen(path, "r");
    redisReply *reply;
    size_t len;

    if (file == NULL)
        die(path, "cannot be read");
    len = fread(text, 1, sizeof text, file);
    fclose(file);
    reply = redisCommand(script->redis, "SCRIPT LOAD %b", text, len);
    if (reply == NULL || reply->type != REDIS_REPLY_STRING)
        die(path, reply == NULL ? "no reply" : reply->str);
    (void)snprintf(script->sha, sizeof script->sha, "%s", reply->str);
    freeReplyObject(reply);
}

struct script *script_new(const char *socket_path, const char *script_path)
{
    struct script *script = xcalloc(1, sizeof *script);

    script->redis = redisConnectUnix(socket_path);
    if (script->redis == NULL || script->redis->err != 0)
        die(socket_path, "no Redis answers");
    script_load(script, script_path);
    return script;
}

void script_flush(struct script *script)
{
    redisReply *reply = redisCommand(script->redis, "FLUSHALL");

    if (reply == NULL || reply->type != REDIS_REPLY_STATUS)
        die("FLUSHALL", reply == NULL ? "no reply" : reply->str);
    freeReplyObject(reply);
}

void script_free(struct script **script)
{
    if (*script == NULL)
        return;
    redisFree((*script)->redis);
    free(*script);
    *script = NULL;
}

static int64_t integer_of(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER)
        condemn("a reply that is not an integer");
    return reply->integer;
}

/* An integer, one used each, or used and retry each. */
static void take_reply(
    const redisReply *reply, struct script_limit *limits, size_t count)
{
    if (reply->type == REDIS_REPLY_INTEGER && count == 1) {
        limits[0].used = reply->integer;
        limits[0].retry = 0;
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY ||
        (reply->elements != 2 * count &&
            (reply->elements != count || count == 1)))
        condemn("a reply of another shape");
    for (size_t i = 0; i < count; i++) {
        size_t step = reply->elements / count;

        limits[i].used = integer_of(reply->element[i * step]);
        limits[i].retry =
            step == 1 ? 0 : integer_of(reply->element[i * step + 1]);
    }
}

void script_call(
    struct script *script, char mode, struct script_limit *limits, size_t count)
{
    const char *argv[ARGS_MAX];
    size_t lens[ARGS_MAX];
    char letters[1 + SCRIPT_LIMITS_MAX];
    char numbers[SCRIPT_LIMITS_MAX * 3][24];
    char key_count[8];
    size_t args = 0, number = 0;
    redisReply *reply;

#define ADD(bytes, len) (argv[args] = (bytes), lens[args++] = (len))
    letters[0] = mode;
    (void)snprintf(key_count, sizeof key_count, "%zu", count);
    ADD("EVALSHA", 7);
    ADD(script->sha, 40);
    ADD(key_count, strlen(key_count));
    for (size_t i = 0; i < count; i++) {
        ADD(limits[i].key, strlen(limits[i].key));
        letters[i + 1] = limits[i].kind;
    }
    ADD(letters, count + 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t values[3] = {
            limits[i].limit, limits[i].span, limits[i].amount};

        for (size_t j = 0; j < 3; j++, number++) {
            (void)snprintf(
                numbers[number], sizeof numbers[number], "%" PRIu64, values[j]);
            ADD(numbers[number], strlen(numbers[number]));
        }
        ADD(limits[i].last, limits[i].last_len);
    }
#undef ADD
    reply = redisCommandArgv(script->redis, (int)args, argv, lens);
    if (reply == NULL)
        die("EVALSHA", script->redis->errstr);
    if (reply->type == REDIS_REPLY_ERROR)
        condemn(reply->str);
    take_reply(reply, limits, count);
    freeReplyObject(reply);
}

size_t script_strlen(struct script *script, const char *key)
{
    redisReply *reply = redisCommand(script->redis, "STRLEN %s", key);
    size_t len;

    if (reply == NULL)
        die("STRLEN", script->redis->errstr);
    len = (size_t)integer_of(reply);
    freeReplyObject(reply);
    return len;
}
