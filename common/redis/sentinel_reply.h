/*
 * sentinel_reply.h - what a Sentinel answers, read with mistrust.
 *
 * Pure. Source: https://redis.io/docs/latest/operate/oss_and_stack/management/
 * sentinel/ and the replies of Redis 7.0, 8.0 and Valkey 8.1.
 */
#ifndef TOLLGATE_REDIS_SENTINEL_REPLY_H
#define TOLLGATE_REDIS_SENTINEL_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#define REDIS_HOST_SIZE 256

struct redisReply;

struct redis_address {
    char host[REDIS_HOST_SIZE]; /* name or address */
    uint16_t port;
};

/* A name or an address of printable bytes, 1 to 255 of them. */
bool redis_host_read(const struct redisReply *, char out[REDIS_HOST_SIZE]);
/* A port as text or as number, 1 to 65535. */
bool redis_port_read(const struct redisReply *, uint16_t *port_r);

/* SENTINEL GET-MASTER-ADDR-BY-NAME: false also where the name is unknown. */
bool sentinel_address_read(
    const struct redisReply *, struct redis_address *address_r);
/* SENTINEL MASTER: its config-epoch, which grows with each failover. */
bool sentinel_epoch_read(const struct redisReply *, uint64_t *epoch_r);

#endif
