/*
 * anvil_statistics.c - anvil's "statistics: max ..." lines.
 *
 * Keeps one peak per counter in fixed memory and writes them as text; where
 * the text goes is the caller's business. Cannot fail. A unit that is no whole
 * number of seconds is shown rounded up, since anvil knows only seconds.
 */
#include "policyd/anvil_statistics.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE (ANVIL_IDENT_SIZE + 128)

static const struct {
    const char *name;
    bool has_unit; /* of time */
    bool has_ident;
} rows[ANVIL_PEAKS] = {
    [ANVIL_PEAK_CONNECTION_RATE] = {"connection rate", true, true},
    [ANVIL_PEAK_CONNECTION_COUNT] = {"connection count", false, true},
    [ANVIL_PEAK_MESSAGE] = {"message rate", true, true},
    [ANVIL_PEAK_RECIPIENT] = {"recipient rate", true, true},
    [ANVIL_PEAK_NEWTLS] = {"newtls rate", true, true},
    [ANVIL_PEAK_AUTH] = {"auth rate", true, true},
    [ANVIL_PEAK_CACHE_SIZE] = {"cache size", false, false},
};

void anvil_statistics_note(struct anvil_statistics *statistics,
    enum anvil_peak peak, uint64_t value, const char *ident, time_t now)
{
    if (value <= statistics->peaks[peak].value)
        return;
    statistics->peaks[peak].value = value;
    statistics->peaks[peak].when = now;
    assert(strlen(ident) < ANVIL_IDENT_SIZE);
    memcpy(statistics->peaks[peak].ident, ident, strlen(ident) + 1);
}

static void append(char line[LINE_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(char line[LINE_SIZE], const char *format, ...)
{
    size_t len = strlen(line);
    va_list args;

    va_start(args, format);
    int added = vsnprintf(line + len, LINE_SIZE - len, format, args);
    va_end(args);
    assert(added >= 0 && (size_t)added < LINE_SIZE - len);
}

/* As ctime(3) has it, without the day of the week and the year. */
static void append_time(char line[LINE_SIZE], time_t when)
{
    char text[32];
    struct tm tm;

    if (localtime_r(&when, &tm) != NULL &&
        strftime(text, sizeof text, "%b %e %H:%M:%S", &tm) > 0)
        append(line, " at %s", text);
}

static void format_peak(char line[LINE_SIZE],
    const struct anvil_statistics *statistics, unsigned i, uint64_t unit_ms)
{
    line[0] = '\0';
    append(line, "statistics: max %s %llu", rows[i].name,
        (unsigned long long)statistics->peaks[i].value);
    if (rows[i].has_unit)
        append(line, "/%llus", (unsigned long long)((unit_ms + 999) / 1000));
    if (rows[i].has_ident)
        append(line, " for (%s)", statistics->peaks[i].ident);
    append_time(line, statistics->peaks[i].when);
}

void anvil_statistics_report(struct anvil_statistics *statistics,
    uint64_t unit_ms, void (*write_line)(const char *line))
{
    char line[LINE_SIZE];

    for (unsigned i = 0; i < ANVIL_PEAKS; i++) {
        if (statistics->peaks[i].value == 0)
            continue;
        format_peak(line, statistics, i, unit_ms);
        write_line(line);
    }
    memset(statistics, 0, sizeof *statistics);
}
