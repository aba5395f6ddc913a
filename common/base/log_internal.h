/*
 * log_internal.h - what the files of the log share; for nobody else.
 */
#ifndef TOLLGATE_BASE_LOG_INTERNAL_H
#define TOLLGATE_BASE_LOG_INTERNAL_H

#include "common/base/log.h"

/* Is the format of the open log JSON? */
bool log_is_json(void);

/*
 * Writes one line. body is printable: the text after
 * "program: level: ", or the members of a JSON object after the first three.
 */
void log_write(enum log_level, const char *body, size_t len);

enum log_style {
    LOG_STYLE_LINE,   /* control and non-ASCII bytes as \xHH */
    LOG_STYLE_VALUE,  /* and backslash doubled */
    LOG_STYLE_QUOTED, /* and quote as \" */
    LOG_STYLE_JSON,   /* the inside of a JSON string: UTF-8 stays, and a byte
                         that is none becomes the text \xHH */
};

/* NUL-terminated, cut with "..." where it does not fit; returns its length. */
size_t log_escape_as(
    enum log_style, char *out, size_t size, const char *text, size_t len);

#endif
