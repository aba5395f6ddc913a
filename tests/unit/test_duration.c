/*
 * test_duration.c - durations, rates and sizes as people write them.
 */
#include "tests/unit/unit.h"

#include "common/base/duration.h"

#include <string.h>

#define DAY UINT64_C(86400000)

static const struct {
    const char *text;
    uint64_t ms;
} durations[] = {
    {"0s", 0},
    {"0ms", 0},
    {"1ms", 1},
    {"100ms", 100},
    {"5s", 5000},
    {"2m", 120000},
    {"1h", 3600000},
    {"1d", DAY},
    {"366d", 366 * DAY},
    {"007s", 7000},
};

static const char *const bad_durations[] = {
    "",
    "5",
    "s",
    "5 s",
    " 5s",
    "5s ",
    "-5s",
    "+5s",
    "1.5s",
    "5S",
    "5sec",
    "1h30m",
    "367d",
    "8785h",
    "31622400001ms",
    "18446744073709551616s",
    "18446744073709551615d",
    "99999999999999999999ms",
    "0x10s",
    "5s\n",
};

static const struct {
    uint64_t ms;
    const char *text;
} formats[] = {
    {0, "0s"},
    {1, "1ms"},
    {1500, "1500ms"},
    {1000, "1s"},
    {60000, "1m"},
    {90000, "90s"},
    {3600000, "1h"},
    {36 * 3600000, "36h"},
    {DAY, "1d"},
    {DAY + 1, "86400001ms"},
    {UINT64_MAX, "18446744073709551615ms"},
};

static const struct {
    const char *text;
    struct rate rate;
    const char *written;
} rates[] = {
    {"100/60s", {100, false, RATE_SPAN, 60000}, "100/1m"},
    {"500/1d", {500, false, RATE_SPAN, DAY}, "500/1d"},
    {"20/30min", {20, false, RATE_SPAN, 1800000}, "20/30m"},
    {"20/30minute", {20, false, RATE_SPAN, 1800000}, "20/30m"},
    {"20/30minutes", {20, false, RATE_SPAN, 1800000}, "20/30m"},
    {"200/hour", {200, false, RATE_SPAN, 3600000}, "200/1h"},
    {"200/h", {200, false, RATE_SPAN, 3600000}, "200/1h"},
    {"10 / 1h", {10, false, RATE_SPAN, 3600000}, "10/1h"},
    {"1/second", {1, false, RATE_SPAN, 1000}, "1/1s"},
    {"1/2secs", {1, false, RATE_SPAN, 2000}, "1/2s"},
    {"1/1ms", {1, false, RATE_SPAN, 1}, "1/1ms"},
    {"1/days", {1, false, RATE_SPAN, DAY}, "1/1d"},
    {"1/3m", {1, false, RATE_SPAN, 180000}, "1/3m"},
    {"1024/3m", {1024, false, RATE_SPAN, 180000}, "1024/3m"},
    {"1000000000/366d", {1000000000, false, RATE_SPAN, 366 * DAY},
        "1000000000/366d"},
    {"10k/1h", {10240, true, RATE_SPAN, 3600000}, "10k/1h"},
    {"1024k/h", {1048576, true, RATE_SPAN, 3600000}, "1m/1h"},
    {"1025k / 1h", {1049600, true, RATE_SPAN, 3600000}, "1025k/1h"},
    {"953m/1d", {999292928, true, RATE_SPAN, DAY}, "953m/1d"},
    {"500/day", {500, false, RATE_DAY, DAY}, "500/day"},
    {"50m / week", {52428800, true, RATE_WEEK, 7 * DAY}, "50m/week"},
    {"10000/month", {10000, false, RATE_MONTH, 31 * DAY}, "10000/month"},
    {"500/1day", {500, false, RATE_SPAN, DAY}, "500/1d"},
};

static const char *const bad_rates[] = {
    "",
    "/",
    "100",
    "100/",
    "/60s",
    "0/60s",
    "100/0s",
    "100/60",
    "-1/60s",
    "1000000001/1s",
    "99999999999999999999/1s",
    "1/367d",
    "1/60 s",
    "1/60ss",
    "1//s",
    "1/60s/",
    "1/months",
    "1/2month",
    "0/day",
    "1/60s ",
    " 1/60s",
    "1.5/s",
    "1/1.5s",
    "1/-1s",
    "1/fortnight",
    "1/18446744073709551616ms",
    "1 0/60s",
    "k/60s",
    "0k/60s",
    "1g/60s",
    "1 k/60s",
    "1kk/60s",
    "954m/1d",
    "976563k/1d",
    "1000000000m/1d",
};

TEST(durations)
{
    struct error err;
    uint64_t ms;
    for (size_t i = 0; i < COUNT(durations); i++) {
        assert_true(duration_parse(durations[i].text, &ms, &err));
        assert_int_equal(ms, durations[i].ms);
    }
    for (size_t i = 0; i < COUNT(bad_durations); i++) {
        err.text[0] = '\0';
        if (duration_parse(bad_durations[i], &ms, &err))
            fail_msg("\"%s\" was taken for a duration", bad_durations[i]);
        assert_non_null(strstr(err.text, "366d"));
    }
}

TEST(format)
{
    for (size_t i = 0; i < COUNT(formats); i++) {
        char text[DURATION_TEXT_SIZE];
        assert_string_equal(
            duration_format(formats[i].ms, text), formats[i].text);
    }
}

TEST(rates)
{
    struct error err;
    struct rate rate;
    char written[RATE_TEXT_SIZE];
    for (size_t i = 0; i < COUNT(rates); i++) {
        if (!rate_parse(rates[i].text, &rate, &err))
            fail_msg("%s", err.text);
        assert_int_equal(rate.count, rates[i].rate.count);
        assert_int_equal(rate.is_size, rates[i].rate.is_size);
        assert_int_equal(rate.window_ms, rates[i].rate.window_ms);
        assert_int_equal(rate.unit, rates[i].rate.unit);
        assert_string_equal(rate_format(&rate, written), rates[i].written);
    }
    for (size_t i = 0; i < COUNT(bad_rates); i++) {
        err.text[0] = '\0';
        if (rate_parse(bad_rates[i], &rate, &err))
            fail_msg("\"%s\" was taken for a rate", bad_rates[i]);
        assert_non_null(strstr(err.text, "1000000000"));
    }
}

RUN_TESTS(NULL, NULL)
