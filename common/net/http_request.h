/*
 * http_request.h - the head of an HTTP/1 request, as far as we care: method,
 * path and Host. Pure: no I/O, no allocation.
 *
 * Source: RFC 9112, sections 2 to 4. Other header fields are skipped, not
 * checked: nothing we answer depends on one.
 */
#ifndef TOLLGATE_NET_HTTP_REQUEST_H
#define TOLLGATE_NET_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_PATH_SIZE  128 /* a longer path is none of ours */
#define HTTP_HOST_SIZE  128 /* and so is a longer host */
#define HTTP_QUERY_SIZE 512

enum http_parse { HTTP_PARSE_DONE, HTTP_PARSE_MORE, HTTP_PARSE_BAD };

enum http_method { HTTP_METHOD_GET, HTTP_METHOD_HEAD, HTTP_METHOD_OTHER };

struct http_request {
    enum http_method method;
    char path[HTTP_PATH_SIZE];   /* without the query; "" if it is too long */
    char query[HTTP_QUERY_SIZE]; /* behind the path's "?", as sent; "": none,
                                    or too long */
    char host[HTTP_HOST_SIZE];   /* as sent; "": none, or too long */
};

/* MORE until the empty line that ends the head has come. */
enum http_parse http_request_parse(
    const char *bytes, size_t len, struct http_request *request_r);

/*
 * Can a browser have been led here by somebody else's name (DNS rebinding)?
 * Not if the Host is an address or "localhost", with or without a port: no
 * name server has a say in those.
 */
bool http_host_is_ours(const char *host);

#endif
