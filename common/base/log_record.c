/*
 * log_record.c - builds log lines: plain ones and key=value records.
 *
 * A record is built in the format that is open when it begins. A value is cut
 * at VALUE_MAX bytes, so that a stranger's long sender cannot push the verdict
 * out of the line; a member for which no room is left is dropped whole, so
 * that JSON stays JSON.
 */
#include "common/base/log.h"

#include "common/base/log_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VALUE_MAX 256
#define PLAIN_MAX 2048

static void log_plain(enum log_level level, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void log_plain(enum log_level level, const char *format, va_list args)
{
    static const char member[] = "\"message\":\"";
    char text[PLAIN_MAX], body[2 * PLAIN_MAX];
    size_t at = 0;
    if (!log_is_wanted(level))
        return;
    int len = vsnprintf(text, sizeof text, format, args);
    if (len < 0)
        return;
    enum log_style style = LOG_STYLE_LINE;
    if (log_is_json()) {
        style = LOG_STYLE_JSON;
        at = sizeof member - 1;
        memcpy(body, member, at);
    }
    at += log_escape_as(
        style, body + at, sizeof body - at - 1, text, strlen(text));
    if (log_is_json())
        body[at++] = '"';
    log_write(level, body, at);
}

void log_debug(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_plain(LOG_LEVEL_DEBUG, format, args);
    va_end(args);
}

void log_info(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_plain(LOG_LEVEL_INFO, format, args);
    va_end(args);
}

void log_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_plain(LOG_LEVEL_WARN, format, args);
    va_end(args);
}

void log_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_plain(LOG_LEVEL_ERROR, format, args);
    va_end(args);
}

/* All of the member, or nothing of it. */
static void append_member(struct log_record *record, const char *before,
    const char *key, const char *between, const char *value, const char *after)
{
    size_t room = sizeof record->text - record->len;
    int len = snprintf(record->text + record->len, room, "%s%s%s%s%s", before,
        key, between, value, after);
    if (len > 0 && (size_t)len < room)
        record->len += (size_t)len;
    record->text[record->len] = '\0';
}

void log_record_begin(
    struct log_record *record, enum log_level level, const char *event)
{
    record->level = level;
    record->len = 0;
    if (log_is_json())
        append_member(record, "\"", "message", "\":\"", event, "\"");
    else
        append_member(record, "", event, "", "", "");
}

void log_record_text(
    struct log_record *record, const char *key, const char *value)
{
    char escaped[VALUE_MAX];
    if (value[0] == '\0')
        return;
    bool is_json = log_is_json();
    enum log_style style = is_json ? LOG_STYLE_JSON : LOG_STYLE_QUOTED;
    log_escape_as(style, escaped, sizeof escaped, value, strlen(value));
    if (is_json)
        append_member(record, ",\"", key, "\":\"", escaped, "\"");
    else if (strpbrk(value, " \"") != NULL)
        append_member(record, " ", key, "=\"", escaped, "\"");
    else
        append_member(record, " ", key, "=", escaped, "");
}

void log_record_number(
    struct log_record *record, const char *key, int64_t value)
{
    char text[24];
    if (value < 0)
        return;
    int len = snprintf(text, sizeof text, "%" PRId64, value);
    if (len < 0)
        return;
    if (log_is_json())
        append_member(record, ",\"", key, "\":", text, "");
    else
        append_member(record, " ", key, "=", text, "");
}

void log_record_end(struct log_record *record)
{
    if (log_is_wanted(record->level))
        log_write(record->level, record->text, record->len);
}
