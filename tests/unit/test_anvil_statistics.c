/*
 * test_anvil_statistics.c - the lines, word for word as anvil(8) writes them.
 */
#include "tests/unit/unit.h"

#include "policyd/anvil_statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char written[4096];

static void write_line(const char *line)
{
    size_t len = strlen(written);

    snprintf(written + len, sizeof written - len, "%s\n", line);
}

static const char *report(struct anvil_statistics *statistics, uint64_t unit_ms)
{
    written[0] = '\0';
    anvil_statistics_report(statistics, unit_ms, write_line);
    return written;
}

TEST(all_lines)
{
    struct anvil_statistics statistics = {0};
    const time_t day_1 = 1767225723;  /* 2026-01-01 00:02:03 UTC */
    const time_t day_21 = 1795226530; /* 2026-11-21 02:02:10 UTC */

    anvil_statistics_note(&statistics, ANVIL_PEAK_CACHE_SIZE, 9, "", day_21);
    anvil_statistics_note(
        &statistics, ANVIL_PEAK_AUTH, 6, "smtp:192.0.2.6", day_21);
    anvil_statistics_note(
        &statistics, ANVIL_PEAK_NEWTLS, 5, "smtp:192.0.2.5", day_21);
    anvil_statistics_note(
        &statistics, ANVIL_PEAK_RECIPIENT, 4, "smtp:192.0.2.4", day_21);
    anvil_statistics_note(
        &statistics, ANVIL_PEAK_MESSAGE, 3, "smtp:2001:db8::3", day_21);
    anvil_statistics_note(&statistics, ANVIL_PEAK_CONNECTION_COUNT, 2,
        "10.77.0.1:2502:192.0.2.2", day_1);
    anvil_statistics_note(
        &statistics, ANVIL_PEAK_CONNECTION_RATE, 1, "smtp:192.0.2.1", day_1);
    assert_string_equal(report(&statistics, 60000),
        "statistics: max connection rate 1/60s for (smtp:192.0.2.1) "
        "at Jan  1 00:02:03\n"
        "statistics: max connection count 2 for (10.77.0.1:2502:192.0.2.2) "
        "at Jan  1 00:02:03\n"
        "statistics: max message rate 3/60s for (smtp:2001:db8::3) "
        "at Nov 21 02:02:10\n"
        "statistics: max recipient rate 4/60s for (smtp:192.0.2.4) "
        "at Nov 21 02:02:10\n"
        "statistics: max newtls rate 5/60s for (smtp:192.0.2.5) "
        "at Nov 21 02:02:10\n"
        "statistics: max auth rate 6/60s for (smtp:192.0.2.6) "
        "at Nov 21 02:02:10\n"
        "statistics: max cache size 9 at Nov 21 02:02:10\n");
    assert_string_equal(report(&statistics, 60000), "");
}

TEST(first_peak_wins)
{
    struct anvil_statistics statistics = {0};

    anvil_statistics_note(&statistics, ANVIL_PEAK_MESSAGE, 0, "a:1.1.1.1", 0);
    assert_string_equal(report(&statistics, 1000), "");
    anvil_statistics_note(&statistics, ANVIL_PEAK_MESSAGE, 7, "a:1.1.1.1", 1);
    anvil_statistics_note(&statistics, ANVIL_PEAK_MESSAGE, 7, "b:1.1.1.1", 2);
    anvil_statistics_note(&statistics, ANVIL_PEAK_MESSAGE, 6, "c:1.1.1.1", 3);
    assert_string_equal(report(&statistics, 1500),
        "statistics: max message rate 7/2s for (a:1.1.1.1) "
        "at Jan  1 00:00:01\n");
}

TEST(longest_ident)
{
    struct anvil_statistics statistics = {0};
    char ident[ANVIL_IDENT_SIZE];

    memset(ident, 'x', sizeof ident - 1);
    ident[sizeof ident - 1] = '\0';
    anvil_statistics_note(
        &statistics, ANVIL_PEAK_CONNECTION_RATE, UINT64_MAX, ident, 0);
    assert_non_null(strstr(report(&statistics, UINT64_MAX / 2), "xx) at Jan"));
}

int main(void)
{
    setenv("TZ", "UTC0", 1);
    return run_all_tests(NULL, NULL);
}
