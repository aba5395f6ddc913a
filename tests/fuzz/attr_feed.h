/*
 * attr_feed.h - hands bytes to attr_scan as a connection does: in two parts.
 */
#ifndef TOLLGATE_TESTS_ATTR_FEED_H
#define TOLLGATE_TESTS_ATTR_FEED_H

#include "policyd/attr_scan.h"

/* One request; the first read ends after split bytes. */
enum attr_result attr_feed(
    const char *bytes, size_t len, size_t split, attr_handler *, void *context);

#endif
