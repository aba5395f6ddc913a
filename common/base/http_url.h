/*
 * http_url.h - takes the URL of a webhook apart.
 *
 * Pure. Its user, password, path and query may be secret: none of them is in an
 * error or in origin.
 */
#ifndef TOLLGATE_BASE_HTTP_URL_H
#define TOLLGATE_BASE_HTTP_URL_H

#include "common/base/error.h"

#define HTTP_URL_MAX 2048 /* bytes of all of it */

struct http_url {
    bool is_tls;
    char host[256];        /* a name, or an address without its brackets */
    char port[6];          /* decimal */
    char origin[288];      /* "https://hooks.example.com:8443": for the log */
    const char *authority; /* of text, behind user and password */
    int authority_len;
    char credentials[256]; /* "user:password", decoded; "": none */
    const char *path; /* of text, its query included; may begin with "?", or
                         be "" */
};

/* Does it begin as a URL of http or https does? */
bool http_url_is(const char *text);
/* The result points into text. */
bool http_url_parse(
    const char *text, struct http_url *url_r, struct error *err);

#endif
