/*
 * test_calendar.c - days, weeks and months of time zones, against libc.
 *
 * The oracle is the C library with TZ set, which reads the same files by
 * another program: at each hour around every change of the clock, and at each
 * end of a month.
 */
#include "tests/unit/unit.h"

#include "common/core/calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOUR_S 3600
#define DAY_S  86400

/* Summer time north and south, half and quarter hours, a midnight that does not
 * happen, one that happens twice, none of it, a day that was left out. */
static const char *const zones[] = {"Europe/Berlin", "America/New_York",
    "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana", "Africa/Cairo",
    "Asia/Beirut", "America/Santiago", "Etc/UTC", "Pacific/Apia",
    "Africa/Casablanca", "Pacific/Chatham", "Pacific/Kiritimati",
    "America/St_Johns", "Asia/Tehran"};

static struct time_zone *load(const char *name)
{
    struct error err = {""};
    struct time_zone *zone = time_zone_load(name, &err);

    if (zone == NULL)
        fail_msg("%s", err.text);
    return zone;
}

static void use_libc(const char *name)
{
    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
}

static struct tm libc_local(int64_t utc_s)
{
    time_t time = utc_s;
    struct tm local;

    assert_non_null(localtime_r(&time, &local));
    return local;
}

/* 1975 to 2100, beyond what the files list. */
TEST(offsets)
{
    for (size_t z = 0; z < COUNT(zones); z++) {
        struct time_zone *zone = load(zones[z]);
        use_libc(zones[z]);
        for (int64_t at = 5 * 365 * (int64_t)DAY_S;
             at < 130 * 365 * (int64_t)DAY_S; at += 31 * HOUR_S + 13)
            if (time_zone_offset(zone, at) != libc_local(at).tm_gmtoff)
                fail_msg("%s at %lld: %d, not %ld", zones[z], (long long)at,
                    time_zone_offset(zone, at), libc_local(at).tm_gmtoff);
        time_zone_free(&zone);
    }
}

static uint32_t id_of(const struct tm *local)
{
    return (uint32_t)((local->tm_year + 1900) * 10000 +
                      (local->tm_mon + 1) * 100 + local->tm_mday);
}

/* The first day of its period, by libc. */
static uint32_t expected_id(enum rate_unit unit, int64_t at)
{
    struct tm local = libc_local(at);
    int back = unit == RATE_MONTH  ? local.tm_mday - 1
               : unit == RATE_WEEK ? (local.tm_wday + 6) % 7
                                   : 0;
    struct tm first = {.tm_year = local.tm_year,
        .tm_mon = local.tm_mon,
        .tm_mday = local.tm_mday - back,
        .tm_hour = 12,
        .tm_isdst = -1};
    (void)timegm(&first); /* in its normal form */
    return id_of(&first);
}

static void assert_period(
    const struct time_zone *zone, const char *name, int64_t at)
{
    static const int64_t longest[] = {0, 25, 7 * 24 + 1, 31 * 24 + 1};

    for (unsigned unit = RATE_DAY; unit <= RATE_MONTH; unit++) {
        struct calendar_period period =
            calendar_period(zone, (enum rate_unit)unit, at);
        int64_t end = period.end_s;
        bool is_right =
            period.id == expected_id((enum rate_unit)unit, at) && end > at &&
            end - at <= longest[unit] * HOUR_S &&
            expected_id((enum rate_unit)unit, end - 1) == period.id &&
            expected_id((enum rate_unit)unit, end) > period.id;
        if (!is_right)
            fail_msg("%s %s at %lld: %u until %lld", name,
                rate_unit_name((enum rate_unit)unit), (long long)at, period.id,
                (long long)end);
    }
}

/* Each hour of two days around a change, in 2030 to 2042. */
TEST(days_at_changes_of_the_clock)
{
    for (size_t z = 0; z < COUNT(zones); z++) {
        struct time_zone *zone = load(zones[z]);
        int64_t from = days_from_civil(2030, 1, 1) * DAY_S;
        use_libc(zones[z]);
        for (int64_t day = from; day < from + 13 * 365 * (int64_t)DAY_S;
             day += DAY_S)
            if (time_zone_offset(zone, day) !=
                time_zone_offset(zone, day + DAY_S))
                for (int64_t at = day - DAY_S; at < day + 2 * DAY_S;
                     at += HOUR_S / 2 - 1)
                    assert_period(zone, zones[z], at);
        time_zone_free(&zone);
    }
}

TEST(ends_of_months)
{
    for (size_t z = 0; z < COUNT(zones); z++) {
        struct time_zone *zone = load(zones[z]);
        use_libc(zones[z]);
        for (int64_t month = 1; month <= 12 * 8; month++) {
            int64_t first = days_from_civil(2023, month, 1) * DAY_S;
            for (int64_t at = first - DAY_S; at < first + DAY_S; at += HOUR_S)
                assert_period(zone, zones[z], at - 1);
        }
        time_zone_free(&zone);
    }
}

TEST(lengths_of_days)
{
    static const struct {
        int64_t month, day, hours;
    } days[] = {{3, 28, 24}, {3, 29, 23}, {3, 30, 24}, {10, 25, 25}};
    struct time_zone *zone = load("Europe/Berlin");

    for (size_t i = 0; i < COUNT(days); i++) {
        int64_t noon =
            days_from_civil(2026, days[i].month, days[i].day) * DAY_S +
            11 * HOUR_S;
        int64_t begins =
            calendar_period(zone, RATE_DAY, noon - 24 * HOUR_S).end_s;
        assert_int_equal(calendar_period(zone, RATE_DAY, noon).end_s - begins,
            days[i].hours * HOUR_S);
    }
    time_zone_free(&zone);
}

/* The counter before keeps its name, for requests that are under way. */
TEST(names)
{
    struct time_zone *zone = load("Etc/UTC");
    struct calendar *calendar = calendar_new(zone, RATE_DAY, "k:day");
    int64_t end = days_from_civil(2026, 12, 1) * DAY_S;
    const char *before = calendar_name(calendar, end - 1);

    assert_string_equal(before, "k:day@20261130");
    assert_int_equal(calendar_left_ms(calendar, end * 1000 - 1), 1);
    assert_string_equal(calendar_name(calendar, end), "k:day@20261201");
    assert_string_equal(before, "k:day@20261130");
    assert_int_equal(calendar_left_ms(calendar, end * 1000), DAY_S * 1000);
    /* A clock that steps back. */
    assert_string_equal(calendar_name(calendar, end - 1), "k:day@20261130");
    calendar_free(&calendar);
    time_zone_free(&zone);
}

TEST(what_is_no_zone)
{
    static const char *const names[] = {"Europe/Nowhere", "../localtime",
        "/etc/localtime", "Europe", "zone.tab"};

    for (size_t i = 0; i < COUNT(names); i++) {
        struct error err = {""};
        assert_null(time_zone_load(names[i], &err));
        assert_non_null(strstr(err.text, names[i]));
        assert_non_null(strstr(err.text, "allowed: "));
    }
}

/* Cut anywhere, or with any byte changed: an error or a zone, never a crash. */
TEST(broken_files)
{
    static unsigned char bytes[65536], copy[65536];
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    struct error err;

    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t i = 0; i < len; i++) {
        unsigned char *cut = malloc(i + 1);
        memcpy(cut, bytes, i);
        struct time_zone *zone = time_zone_parse(cut, i, &err);
        assert_null(zone);
        free(cut);
        memcpy(copy, bytes, len);
        copy[i] ^= 0x85;
        zone = time_zone_parse(copy, len, &err);
        if (zone != NULL)
            (void)time_zone_offset(zone, 4102444800);
        time_zone_free(&zone);
    }
}

RUN_TESTS(NULL, NULL)
