/*
 * notice_message.c - the mail about a limit that refuses.
 *
 * Short, and in plain words: it is read at three in the morning. It names no
 * command with a stranger's text in it, because people paste commands.
 */
#include "common/core/notice.h"

#include "common/base/duration.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DATE_SIZE   48
#define SUBJECT_KEY 120 /* so many bytes of the key are in the subject */

struct text {
    char *at;
    size_t len;
};

static void add(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(text->at + text->len, NOTICE_MESSAGE_SIZE - text->len,
        format, arguments);
    va_end(arguments);
    if (len > 0)
        text->len += (size_t)len;
    if (text->len >= NOTICE_MESSAGE_SIZE)
        text->len = NOTICE_MESSAGE_SIZE - 1;
}

/* The names of RFC 5322, whatever the locale is. */
static const char *date_of(int64_t s, char date[DATE_SIZE])
{
    static const char days[7][4] = {
        "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t time = (time_t)s;
    struct tm parts = {0};
    char rest[24] = "";

    (void)localtime_r(&time, &parts);
    (void)strftime(rest, sizeof rest, "%Y %H:%M:%S %z", &parts);
    (void)snprintf(date, DATE_SIZE, "%s, %d %s %s", days[parts.tm_wday],
        parts.tm_mday, months[parts.tm_mon], rest);
    return date;
}

static const char *said(enum notice_kind kind)
{
    static const char *const words[NOTICE_KINDS] = {
        [NOTICE_REFUSED] = "refused",
        [NOTICE_WOULD_REFUSE] = "would have refused",
        [NOTICE_WARNED] = "may soon refuse",
        [NOTICE_HELD] = "held",
    };

    return words[kind];
}

static void write_head(struct text *text, const struct notice *notice,
    const struct notice_sender *sender)
{
    char date[DATE_SIZE];
    bool is_full_name = strchr(sender->host, '.') != NULL;

    /* A bare postmaster gets the MTA's own domain. */
    add(text, "From: tollgate <postmaster%s%s>\n", is_full_name ? "@" : "",
        is_full_name ? sender->host : "");
    add(text, "Subject: tollgate: limit %s %s %.*s\n", notice->limit,
        said(notice->kind), SUBJECT_KEY, notice->key);
    add(text, "Date: %s\n", date_of(sender->now_s, date));
    add(text, "Message-ID: <tollgate.%" PRId64 ".%016" PRIx64 "@%s>\n",
        sender->now_s, sender->serial, sender->host);
    add(text, "Auto-Submitted: auto-generated\n"
              "MIME-Version: 1.0\n"
              "Content-Type: text/plain; charset=us-ascii\n\n");
}

static void write_facts(struct text *text, const struct notice *notice)
{
    char window[DURATION_TEXT_SIZE], date[DATE_SIZE];

    add(text, "limit:    %s\n", notice->limit);
    add(text, "key:      %s\n", notice->key);
    add(text, "client:   %s, the last one\n", notice->client);
    if (notice->login[0] != '\0')
        add(text, "login:    %s\n", notice->login);
    add(text, "used:     %" PRIu32 " of %" PRIu32 "%s%s\n", notice->used,
        notice->allowed, notice->window_ms > 0 ? " in " : "",
        notice->window_ms > 0 ? duration_format(notice->window_ms, window)
                              : "");
    add(text, "at:       %s\n", date_of(notice->at_s, date));
    if (notice->until_s > 0)
        add(text, "until:    %s, if nothing more comes\n",
            date_of(notice->until_s, date));
    add(text, "times:    %" PRIu32 " since the last message\n", notice->count);
}

static void write_ends(struct text *text, const struct notice *notice)
{
    char every[DURATION_TEXT_SIZE];

    add(text,
        "\nThe next message about this key comes in %s at the earliest, and\n"
        "only if there is more to tell.\n\n"
        "  tollgatectl show KEY      what is counted, and what is left\n"
        "  tollgatectl ban KEY       to stop it on all machines\n"
        "  tollgatectl override set  to allow it more\n",
        duration_format(notice->every_ms, every));
}

size_t notice_message(const struct notice *notice,
    const struct notice_sender *sender, char buffer[NOTICE_MESSAGE_SIZE])
{
    struct text text = {.at = buffer};

    write_head(&text, notice, sender);
    add(&text, "tollgate on %s %s this:\n\n", sender->host, said(notice->kind));
    write_facts(&text, notice);
    if (notice->kind == NOTICE_WOULD_REFUSE)
        add(&text, "\nThe limit is a shadow: nothing was refused.\n");
    if (notice->kind == NOTICE_WARNED)
        add(&text, "\nA warning: nothing was refused yet.\n");
    if (notice->kind == NOTICE_HELD)
        add(&text, "\nWhat was held waits in Postfix's hold queue: mailq(1) "
                   "shows it,\npostsuper(1) -H lets it go, -d deletes it.\n");
    write_ends(&text, notice);
    return text.len;
}
