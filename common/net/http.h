/*
 * http.h - a small read-only HTTP server.
 *
 * GET and HEAD of fixed paths; everything else is 404 or 405. Never on the
 * way of a decision. A request is bounded in size (8 KiB) and time (5 s), the
 * connections in number (64).
 */
#ifndef TOLLGATE_NET_HTTP_H
#define TOLLGATE_NET_HTTP_H

#include "common/base/error.h"

struct evbuffer;
struct event_base;
struct http_server;

struct http_route {
    const char *path;
    const char *content_type;
    /* Fills body and returns the status code. */
    int (*handle)(struct evbuffer *body, void *context);
};

/* address: "host:port" with a numeric host ("[::1]:9309"). routes end with a
 * NULL path and outlive the server. */
struct http_server *http_server_new(struct event_base *, const char *address,
    const struct http_route *routes, void *context, struct error *err);
void http_server_free(struct http_server **);

#endif
