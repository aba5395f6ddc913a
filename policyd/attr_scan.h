/*
 * attr_scan.h - finds the attributes of one request in bytes from the wire.
 *
 * Pure: no I/O, no allocation, no copy; unit tests and fuzzers call it
 * directly. Limits are counted over all calls for one request. What breaks
 * the form ends in ATTR_BAD with the reason and where it was seen. What the
 * handler does not take is a fault, not the request's end: the attributes after
 * it are handed on, so that the next request begins where it should.
 *
 * Source: Postfix, attr_print_plain(3), attr_scan_plain(3).
 */
#ifndef TOLLGATE_POLICYD_ATTR_SCAN_H
#define TOLLGATE_POLICYD_ATTR_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define ATTR_LINE_MAX    4096  /* without the newline */
#define ATTR_REQUEST_MAX 65536 /* with newlines */

enum attr_result {
    ATTR_DONE, /* the empty line has been read */
    ATTR_MORE, /* used up to the line that is not complete */
    ATTR_BAD,
};

/* Zero at first. */
struct attr_scan {
    size_t request_len; /* of the request under way; 0 between requests */

    bool is_faulty; /* the handler gave a reason; the caller clears it */

    /* ATTR_BAD, or the first fault: a constant text, and a slice of the data
     * of this call. */
    const char *reason;
    const char *near;
    size_t near_len;
};

/* NULL, or a constant text that says why the request cannot be used. */
typedef const char *attr_handler(void *context, const char *name,
    size_t name_len, const char *value, size_t value_len);

/*
 * Hands each complete "name=value" line of data to the handler, up to the
 * empty line. *used_r bytes need not be given again; the rest comes again
 * at the start of the next data.
 */
enum attr_result attr_scan(struct attr_scan *, const char *data, size_t len,
    size_t *used_r, attr_handler *, void *context);

#endif
