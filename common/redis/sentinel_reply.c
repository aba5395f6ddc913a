/*
 * sentinel_reply.c - an address, and a number in a list of names and values.
 */
#include "common/redis/sentinel_reply.h"

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <string.h>

static bool number_read(
    const redisReply *reply, uint64_t max, uint64_t *value_r)
{
    uint64_t value = 0;
    if (reply->type == REDIS_REPLY_INTEGER) {
        if (reply->integer < 0 || (uint64_t)reply->integer > max)
            return false;
        *value_r = (uint64_t)reply->integer;
        return true;
    }
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0)
        return false;
    for (size_t i = 0; i < (size_t)reply->len; i++) {
        unsigned digit = (unsigned char)reply->str[i] - (unsigned)'0';
        if (digit > 9 || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *value_r = value;
    return true;
}

bool redis_host_read(const redisReply *reply, char out[REDIS_HOST_SIZE])
{
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 ||
        reply->len >= REDIS_HOST_SIZE)
        return false;
    for (size_t i = 0; i < (size_t)reply->len; i++)
        if (reply->str[i] <= ' ' || reply->str[i] > '~')
            return false;
    memcpy(out, reply->str, (size_t)reply->len);
    out[reply->len] = '\0';
    return true;
}

bool redis_port_read(const redisReply *reply, uint16_t *port_r)
{
    uint64_t port;
    if (!number_read(reply, UINT16_MAX, &port) || port == 0)
        return false;
    *port_r = (uint16_t)port;
    return true;
}

bool sentinel_address_read(
    const redisReply *reply, struct redis_address *address_r)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
           redis_host_read(reply->element[0], address_r->host) &&
           redis_port_read(reply->element[1], &address_r->port);
}

bool sentinel_epoch_read(const redisReply *reply, uint64_t *epoch_r)
{
    static const char name[] = "config-epoch";
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *field = reply->element[i];
        if (field->type == REDIS_REPLY_STRING &&
            field->len == sizeof name - 1 &&
            memcmp(field->str, name, sizeof name - 1) == 0)
            return number_read(reply->element[i + 1], INT64_MAX, epoch_r);
    }
    return false;
}
