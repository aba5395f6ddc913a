/*
 * log.c - where log lines go.
 *
 * A line is "program: level: text", or a JSON object that begins with "time",
 * "program" and "level". In text form stderr and files begin with the UTC time
 * in ISO 8601; not so stderr that is the journal's ($JOURNAL_STREAM names its
 * device and inode) and syslog, which have a clock of their own. syslog adds
 * program and pid itself. One write(2) a line, so lines of several processes
 * in one file stay whole. A line that cannot be written is lost, because a mail
 * server must not stop for its log; errno is as the caller left it.
 */
#include "common/base/log.h"

#include "common/base/clock.h"
#include "common/base/log_internal.h"
#include "common/base/root_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum target { TARGET_STDERR, TARGET_SYSLOG, TARGET_FILE };

struct log {
    enum target target;
    int fd;               /* TARGET_FILE: ours */
    bool has_other_names; /* TARGET_FILE */
    enum log_format format;
    enum log_level level;
    bool has_time; /* text lines begin with it */
    char ident[64];
};

/* The one global of the program: a log is reachable from everywhere. */
static struct log current = {
    .target = TARGET_STDERR,
    .fd = STDERR_FILENO,
    .level = LOG_LEVEL_INFO,
    .ident = "tollgate",
};

static const struct {
    const char *name;
    int priority;
} levels[] = {
    [LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
    [LOG_LEVEL_INFO] = {"info", LOG_INFO},
    [LOG_LEVEL_WARN] = {"warn", LOG_WARNING},
    [LOG_LEVEL_ERROR] = {"error", LOG_ERR},
};

static const struct {
    const char *name;
    int facility;
} facilities[] = {
    {"mail", LOG_MAIL},
    {"daemon", LOG_DAEMON},
    {"user", LOG_USER},
    {"auth", LOG_AUTH},
    {"authpriv", LOG_AUTHPRIV},
    {"cron", LOG_CRON},
    {"lpr", LOG_LPR},
    {"news", LOG_NEWS},
    {"syslog", LOG_SYSLOG},
    {"uucp", LOG_UUCP},
    {"local0", LOG_LOCAL0},
    {"local1", LOG_LOCAL1},
    {"local2", LOG_LOCAL2},
    {"local3", LOG_LOCAL3},
    {"local4", LOG_LOCAL4},
    {"local5", LOG_LOCAL5},
    {"local6", LOG_LOCAL6},
    {"local7", LOG_LOCAL7},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

bool log_facility_parse(const char *text, int *facility_r)
{
    for (size_t i = 0; i < COUNT(facilities); i++) {
        if (strcmp(facilities[i].name, text) == 0) {
            *facility_r = facilities[i].facility;
            return true;
        }
    }
    return false;
}

/* What follows prefix in text, or NULL. */
static const char *after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char ours[64];
    if (stream == NULL || fstat(STDERR_FILENO, &st) == -1)
        return false;
    int len = snprintf(ours, sizeof ours, "%ju:%ju", (uintmax_t)st.st_dev,
        (uintmax_t)st.st_ino);
    return len > 0 && (size_t)len < sizeof ours && strcmp(stream, ours) == 0;
}

/* By a link of either kind. One lstat tells that the name is the file's and its
 * only one: whoever has put a link there can take it away a moment later. */
static bool has_other_names(int fd, const char *path)
{
    struct stat opened, named;

    return fstat(fd, &opened) == -1 || lstat(path, &named) == -1 ||
           opened.st_dev != named.st_dev || opened.st_ino != named.st_ino ||
           named.st_nlink != 1;
}

/* Of what is no plain file, nothing is waited for: neither for somebody who
 * reads a pipe, nor, later, for room in it. */
static bool open_file(struct log *log, const char *path, struct error *err)
{
    const int flags =
        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

    log->fd = root_path_open(path, flags, 0640);
    if (log->fd == -1 && errno == ELOOP)
        return error_set(err,
            "log file %s: a link in a folder that others than root may write "
            "to; name the file itself",
            path);
    if (log->fd == -1)
        return error_set(err, "log file %s: %s", path, strerror(errno));
    log->has_other_names = has_other_names(log->fd, path);
    return true;
}

static bool open_target(
    const char *target, struct log *log, int *facility_r, struct error *err)
{
    const char *rest;
    if (strcmp(target, "stderr") == 0) {
        log->target = TARGET_STDERR;
        log->fd = STDERR_FILENO;
        log->has_time = !stderr_is_journal();
        return true;
    }
    if ((rest = after(target, "syslog:")) != NULL &&
        log_facility_parse(rest, facility_r)) {
        log->target = TARGET_SYSLOG;
        log->has_time = false;
        return true;
    }
    if ((rest = after(target, "file:")) != NULL && rest[0] != '\0') {
        log->target = TARGET_FILE;
        log->has_time = true;
        return open_file(log, rest, err);
    }
    return error_set(err,
        "\"%s\" is no place to log; write stderr, file:PATH, or "
        "syslog:FACILITY as in syslog:mail",
        target);
}

bool log_open(const char *target, enum log_format format, enum log_level level,
    const char *ident, struct error *err)
{
    struct log next = {.fd = -1, .format = format, .level = level};
    int facility = LOG_MAIL;
    if (!open_target(target, &next, &facility, err))
        return false;
    int len = snprintf(next.ident, sizeof next.ident, "%s", ident);
    if (len < 0)
        next.ident[0] = '\0';

    if (current.target == TARGET_FILE)
        close(current.fd);
    if (current.target == TARGET_SYSLOG)
        closelog();
    current = next;
    /* openlog keeps the pointer that it is given. */
    if (current.target == TARGET_SYSLOG)
        openlog(current.ident, LOG_PID, facility);
    return true;
}

/* Whoever owns the folder may have put a link there, to get a file of root's:
 * what has another name elsewhere is not given away. */
bool log_give_to(uid_t uid, gid_t gid, struct error *err)
{
    struct stat st;
    if (current.target != TARGET_FILE || fstat(current.fd, &st) == -1 ||
        !S_ISREG(st.st_mode) || (st.st_uid == uid && st.st_gid == gid))
        return true;
    if (current.has_other_names)
        return error_set(err,
            "log file: is a link, and the file not that of uid %u, gid %u; "
            "name the file itself, or change its owner",
            (unsigned)uid, (unsigned)gid);
    if (fchown(current.fd, uid, gid) == 0)
        return true;
    return error_set(err, "log file: cannot be given to uid %u, gid %u: %s",
        (unsigned)uid, (unsigned)gid, strerror(errno));
}

bool log_is_wanted(enum log_level level)
{
    return level >= current.level;
}

bool log_is_json(void)
{
    return current.format == LOG_FORMAT_JSON;
}

/* "2026-08-21T12:34:56.789Z" */
static void format_time(char *text, size_t size)
{
    uint64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, size - len, ".%03uZ", (unsigned)(now_ms % 1000));
}

/* Everything before body, for the target and format that are open. */
static size_t format_head(enum log_level level, char *head, size_t size)
{
    char time[40] = "";
    const char *name = levels[level].name;
    int len;
    if (current.has_time || log_is_json())
        format_time(time, sizeof time);
    if (log_is_json())
        len = snprintf(head, size,
            "{\"time\":\"%s\",\"program\":\"%s\",\"level\":\"%s\",", time,
            current.ident, name);
    else if (current.target == TARGET_SYSLOG)
        len = snprintf(head, size, "%s: ", name);
    else
        len = snprintf(head, size, "%s%s%s: %s: ", time,
            current.has_time ? " " : "", current.ident, name);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

static void write_line(const char *head, size_t head_len, const char *body,
    size_t len, const char *tail)
{
    struct iovec parts[] = {
        {.iov_len = head_len},
        {.iov_len = len},
        {.iov_len = strlen(tail)},
    };
    const char *starts[] = {head, body, tail};
    /* iov_base is not const, although writev only reads. */
    for (size_t i = 0; i < COUNT(parts); i++)
        memcpy(&parts[i].iov_base, &starts[i], sizeof starts[i]);
    ssize_t written;
    do
        written = writev(current.fd, parts, COUNT(parts));
    while (written == -1 && errno == EINTR);
}

void log_write(enum log_level level, const char *body, size_t len)
{
    char head[192];
    int saved = errno;
    size_t head_len = format_head(level, head, sizeof head);
    if (current.target == TARGET_SYSLOG)
        syslog(levels[level].priority, "%s%.*s%s", head, (int)len, body,
            log_is_json() ? "}" : "");
    else
        write_line(head, head_len, body, len, log_is_json() ? "}\n" : "\n");
    errno = saved;
}
