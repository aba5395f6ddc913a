/*
 * redis_url.h - the `store` option, taken apart.
 *
 * Pure. %XX is decoded in user, password and path. "rediss" is "redis" over
 * TLS; there is none over a unix socket, because no server speaks it there.
 */
#ifndef TOLLGATE_CONFIG_REDIS_URL_H
#define TOLLGATE_CONFIG_REDIS_URL_H

#include "common/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define REDIS_HOSTS_MAX 32

enum redis_kind {
    REDIS_SERVER,   /* the server itself: unix_path, or host and port */
    REDIS_SENTINEL, /* hosts know where master_name is now */
    REDIS_CLUSTER,  /* hosts know who has which keys */
};

struct redis_host {
    char *name;    /* name or address, without brackets */
    uint16_t port; /* 26379 of a Sentinel, else 6379, if not given */
};

struct redis_url {
    enum redis_kind kind;
    bool is_tls;
    char *unix_path; /* NULL for TCP */
    char *host;      /* NULL for unix, Sentinel and Cluster */
    uint16_t port;
    struct redis_host *hosts; /* of Sentinel and Cluster: 1.. */
    size_t host_count;
    char *master_name; /* Sentinel */
    char *username;    /* NULL: none */
    char *password;    /* NULL: none */
    unsigned db;       /* 0 if not given; a Cluster has no other */
};

/*
 * redis[s]://[user[:pass]@]host[:port][/db], redis+unix:///path[?db=N],
 * redis[s]+sentinel://[user[:pass]@]host[:port],.../NAME[/db],
 * redis[s]+cluster://[user[:pass]@]host[:port],...
 */
bool redis_url_parse(
    const char *text, struct redis_url *url_r, struct error *err);
void redis_url_clear(struct redis_url *);
/* For people: as written, without user and password. Caller frees. */
char *redis_url_describe(const struct redis_url *);

#endif
