/*
 * tls.h - what a connection to Redis needs for TLS.
 *
 * The server's certificate must lead to one of the CAs and bear the name or
 * address that was dialed, or server_name where that is given. Files are read
 * at once and by redis_tls_reload; links that are up keep what they began
 * with. No key is asked for on a terminal.
 */
#ifndef TOLLGATE_REDIS_TLS_H
#define TOLLGATE_REDIS_TLS_H

#include "common/base/error.h"

#include <openssl/types.h>
#include <stddef.h>

struct bufferevent;
struct redis_tls;

struct redis_tls_files {
    const char *ca_file;     /* "": the system's CAs */
    const char *cert_file;   /* "": no client certificate */
    const char *key_file;    /* "": with cert_file, the key is in there too */
    const char *server_name; /* "": what was dialed */
};

/* The texts are copied. NULL with why. */
struct redis_tls *redis_tls_new(
    const struct redis_tls_files *, struct error *err);
void redis_tls_free(struct redis_tls **);

/* Reads the files again. False: the old material stays. */
bool redis_tls_reload(
    struct redis_tls *, bool *is_changed_r, struct error *err);

/* For one link to host, a name or an address; the caller's. NULL: no memory. */
SSL *redis_tls_link(const struct redis_tls *, const char *host);

/* Why a link that ended did, if TLS knows; "" else. Takes all that OpenSSL
 * has to say, or it would be found at another link's end. */
void redis_tls_describe(struct bufferevent *, char *text, size_t size);

#endif
