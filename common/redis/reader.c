/*
 * reader.c - bounds around redisReader.
 *
 * hiredis 0.14 (Debian 12) allocates an array as long as its header says, so
 * the function that makes arrays is replaced by one that asks first. hiredis
 * 1.x has a field for it, but the same way works with both.
 */
#include "common/redis/reader.h"

#include "common/base/alloc.h"

#include <hiredis/read.h>
#include <stdlib.h>

#if HIREDIS_MAJOR < 1
#define ELEMENT_COUNT int
#else
#define ELEMENT_COUNT size_t
#endif

struct redis_reader {
    redisReader *hiredis;
    redisReplyObjectFunctions functions;
    void *(*create_array)(const redisReadTask *, ELEMENT_COUNT);
    size_t bytes_max, elements_max;
    size_t partial_bytes; /* fed since the last whole reply */
    const char *error;
};

static void *reader_create_array(const redisReadTask *task, ELEMENT_COUNT count)
{
    const struct redis_reader *reader = task->privdata;
    if ((size_t)count > reader->elements_max)
        return NULL;
    return reader->create_array(task, count);
}

struct redis_reader *redis_reader_new(size_t bytes_max)
{
    struct redis_reader *reader = xcalloc(1, sizeof *reader);
    reader->bytes_max = bytes_max == 0 ? REDIS_REPLY_BYTES_MAX : bytes_max;
    reader->elements_max =
        bytes_max == 0 ? REDIS_REPLY_ELEMENTS_MAX : REDIS_LARGE_ELEMENTS_MAX;
    reader->hiredis = redisReaderCreate();
    if (reader->hiredis == NULL)
        abort();
    reader->functions = *reader->hiredis->fn;
    reader->create_array = reader->functions.createArray;
    reader->functions.createArray = reader_create_array;
    reader->hiredis->fn = &reader->functions;
    reader->hiredis->privdata = reader;
    return reader;
}

void redis_reader_free(struct redis_reader **reader)
{
    if (*reader == NULL)
        return;
    redisReaderFree((*reader)->hiredis);
    free(*reader);
    *reader = NULL;
}

bool redis_reader_feed(
    struct redis_reader *reader, const char *bytes, size_t len)
{
    if (reader->partial_bytes + len > 2 * reader->bytes_max ||
        redisReaderFeed(reader->hiredis, bytes, len) != REDIS_OK) {
        reader->error = "too long";
        return false;
    }
    reader->partial_bytes += len;
    return true;
}

enum redis_read redis_reader_next(
    struct redis_reader *reader, redisReply **reply_r)
{
    void *reply = NULL;
    if (redisReaderGetReply(reader->hiredis, &reply) != REDIS_OK) {
        reader->error = reader->hiredis->errstr;
        return REDIS_READ_BAD;
    }
    if (reply != NULL) {
        reader->partial_bytes = reader->hiredis->len - reader->hiredis->pos;
        *reply_r = reply;
        return REDIS_READ_DONE;
    }
    if (reader->partial_bytes <= reader->bytes_max)
        return REDIS_READ_MORE;
    reader->error = "too long";
    return REDIS_READ_BAD;
}

const char *redis_reader_error(const struct redis_reader *reader)
{
    return reader->error;
}
