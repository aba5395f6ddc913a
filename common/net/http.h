/*
 * http.h - a small read-only HTTP server.
 *
 * GET and HEAD of fixed paths; everything else is 404 or 405. Answers get a
 * slot of the loop's time (slot.h), so decisions do not wait for them. A
 * request is bounded in size (8 KiB) and time (1 s for its head, 5 s in all),
 * the connections in number (64): one more takes the place of one that has had
 * its answer, else, of the address that holds most, of the one that has sent
 * nothing longest. So nobody keeps others out.
 */
#ifndef TOLLGATE_NET_HTTP_H
#define TOLLGATE_NET_HTTP_H

#include "common/base/error.h"

#include <stdbool.h>

struct evbuffer;
struct event_base;
struct http_server;
struct http_visit; /* a request under way */

struct http_route {
    const char *path;
    const char *content_type;
    const char *headers; /* NULL, or more of them, each with its "\r\n" */
    /* Fills body and returns the status code. */
    int (*handle)(struct evbuffer *body, void *context);
    bool is_dear; /* may be large: quick ones do not wait for it */
    /* Or, in the place of handle: ends with http_answer, now or later. query:
     * as sent, borrowed until ask returns. */
    void (*ask)(struct http_visit *, const char *query, void *context);
};

/* Until http_answer: cancel(state) if the visitor has gone, or had to; no
 * http_answer then. */
void http_keep(struct http_visit *, void *state, void (*cancel)(void *state));
/* Of what ask was called for, once; the body is drained. */
void http_answer(struct http_visit *, int code, struct evbuffer *body);

/* address: "host:port" with a numeric host ("[::1]:9309"). routes end with a
 * NULL path and outlive the server. */
struct http_server *http_server_new(struct event_base *, const char *address,
    const struct http_route *routes, void *context, struct error *err);
void http_server_free(struct http_server **);

/*
 * Routes for people, with a context of their own; NULL: none. A browser can be
 * made to ask for them by somebody else's page, so they are answered 421
 * unless http_host_is_ours.
 */
void http_server_show(
    struct http_server *, const struct http_route *routes, void *context);
/* Does it listen on an address of this machine alone? */
bool http_server_is_loopback(const struct http_server *);

#endif
