/*
 * reader.h - hiredis's reply parser, with bounds.
 *
 * Does no I/O. A reply of more than bytes_max bytes, or an array
 * of more than REDIS_REPLY_ELEMENTS_MAX elements, is malformed: a length from
 * the wire never decides how much we allocate. After malformed bytes the
 * reader is of no more use.
 */
#ifndef TOLLGATE_REDIS_READER_H
#define TOLLGATE_REDIS_READER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#define REDIS_REPLY_BYTES_MAX    65536
#define REDIS_REPLY_ELEMENTS_MAX 1024
#define REDIS_LARGE_ELEMENTS_MAX 16384 /* where bytes_max is given */

struct redis_reader;

enum redis_read {
    REDIS_READ_DONE, /* a reply; freeReplyObject is the caller's */
    REDIS_READ_MORE,
    REDIS_READ_BAD,
};

/* bytes_max 0: REDIS_REPLY_BYTES_MAX. */
struct redis_reader *redis_reader_new(size_t bytes_max);
void redis_reader_free(struct redis_reader **);

/* False if they make a reply too long. Take all replies before feeding on. */
bool redis_reader_feed(struct redis_reader *, const char *bytes, size_t len);
enum redis_read redis_reader_next(struct redis_reader *, redisReply **reply_r);
/* Why the bytes are malformed. */
const char *redis_reader_error(const struct redis_reader *);

#endif
