/*
 * redis_url.h - the `store` option, taken apart.
 *
 * Pure. Refuses what this version cannot reach (TLS, Sentinel, Cluster) with
 * "not in this version". %XX is decoded in user, password and path.
 */
#ifndef TOLLGATE_CONFIG_REDIS_URL_H
#define TOLLGATE_CONFIG_REDIS_URL_H

#include "common/base/error.h"

#include <stdint.h>

struct redis_url {
    char *unix_path; /* NULL for TCP */
    char *host;      /* name or address, without brackets; NULL for unix */
    uint16_t port;   /* 6379 if not given */
    char *username;  /* NULL: none */
    char *password;  /* NULL: none */
    unsigned db;     /* 0 if not given */
};

/* redis://[user[:pass]@]host[:port][/db], redis+unix:///path[?db=N] */
bool redis_url_parse(
    const char *text, struct redis_url *url_r, struct error *err);
void redis_url_clear(struct redis_url *);
/* For people: as written, without user and password. Caller frees. */
char *redis_url_describe(const struct redis_url *);

#endif
