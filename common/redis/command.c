/*
 * command.c - writes a command straight into the buffer it is sent from.
 *
 * hiredis would print it piece by piece into memory of its own first, which
 * shows in the profile of a decision.
 */
#include "common/redis/command.h"

#include "common/base/decimal.h"

#include <event2/buffer.h>
#include <string.h>

#define HEADER_MAX (1 + DECIMAL_MAX + 2) /* "$123\r\n" */

static char *add_end_of_line(char *out)
{
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

static char *add_header(char *out, char type, size_t number)
{
    *out++ = type;
    out += decimal_write(out, number);
    return add_end_of_line(out);
}

static size_t size_max(int argc, const size_t *argv_len)
{
    size_t size = HEADER_MAX;

    for (int i = 0; i < argc; i++)
        size += HEADER_MAX + argv_len[i] + 2;
    return size;
}

bool redis_command_add(struct evbuffer *buffer, int argc,
    const char *const *argv, const size_t *argv_len)
{
    size_t size = size_max(argc, argv_len);
    struct evbuffer_iovec space;

    if (evbuffer_reserve_space(buffer, (ssize_t)size, &space, 1) != 1)
        return false;
    char *out = add_header(space.iov_base, '*', (size_t)argc);
    for (int i = 0; i < argc; i++) {
        out = add_header(out, '$', argv_len[i]);
        memcpy(out, argv[i], argv_len[i]);
        out = add_end_of_line(out + argv_len[i]);
    }
    space.iov_len = (size_t)(out - (char *)space.iov_base);
    return evbuffer_commit_space(buffer, &space, 1) == 0;
}
