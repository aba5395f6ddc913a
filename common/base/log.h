/*
 * log.h - the daemon's log: plain lines and key=value records.
 *
 * The only module with global state. Safe before log_open (goes to stderr).
 * Never fails towards the caller: a line that cannot be written is lost.
 * Every value is escaped here: control bytes, and quotes where a value holds
 * a space, so that nobody outside can forge a line.
 */
#ifndef TOLLGATE_BASE_LOG_H
#define TOLLGATE_BASE_LOG_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR
};
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/*
 * target: "stderr", "syslog:FACILITY" ("syslog:mail"), or "file:PATH"
 * (appended, opened again at each call, so that a reload follows a rotation;
 * of a pipe that nobody reads, or that is full, no line waits).
 * On failure the old target stays. ident is the program's name.
 */
bool log_open(const char *target, enum log_format format, enum log_level level,
    const char *ident, struct error *err);
/*
 * The log file, if there is one and it is a plain one, is theirs from now on:
 * who has dropped root must be able to open it again. True where nothing had
 * to be done. A link, symbolic or hard, is not followed for that.
 */
bool log_give_to(uid_t uid, gid_t gid, struct error *err);
/* "mail", as openlog(3) wants it; all but "kern", which is not ours. */
bool log_facility_parse(const char *text, int *facility_r);

/* Would a line of that level be written? Ask before a trace is put together. */
bool log_is_wanted(enum log_level);

/* One line of text, without a newline; what is not printable is escaped. */
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * A record: `event key=value key=value`, or one JSON object. Empty strings
 * and negative numbers are left out, so a caller lists every key it knows in
 * the contract's fixed order and only the known ones appear. `event` and keys
 * are words of ours; in JSON `event` is the member "message". A value is cut at
 * 255 bytes, so that no stranger's can push out those after it.
 */
struct log_record {
    enum log_level level;
    size_t len;
    char text[2048]; /* a member that does not fit is left out whole */
};

/* Starts a record. It is not written before log_record_end. */
void log_record_begin(struct log_record *, enum log_level, const char *event);
/* Adds key=value; nothing for an empty value. */
void log_record_text(struct log_record *, const char *key, const char *value);
/* Adds key=value; nothing for a negative number. */
void log_record_number(struct log_record *, const char *key, int64_t value);
/* Writes the record, if its level is wanted. */
void log_record_end(struct log_record *);

/*
 * Copies len bytes of text to out as printable ASCII: control and non-ASCII
 * bytes as \xHH, backslash doubled; cut with "..." where it does not fit.
 * Returns out.
 */
char *log_escape(char *out, size_t size, const char *text, size_t len);

#endif
