/*
 * time_zone.c - see time_zone.h.
 *
 * The file lists the moments at which the offset changes; behind the last one
 * its last line, a TZ text of POSIX, says by which rule the year goes on. Each
 * number is checked against the length before it is used.
 */
#include "common/base/time_zone.h"

#include "common/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER    "/usr/share/zoneinfo/"
#define LOCALTIME "/etc/localtime"
#define FILE_MAX  (64 * 1024)
#define HEAD_SIZE 44
#define TIMES_MAX 5000
#define DAY_S     86400

/* "M10.5.0/3": the last Sunday of October, at 3 o'clock. */
struct rule {
    int month, week, weekday;
    int32_t at_s;
};

struct change {
    int64_t utc_s;
    int32_t offset;
};

struct time_zone {
    struct change *changes; /* ascending */
    size_t count;
    int32_t first; /* before the first */
    bool has_last; /* the last line has been read */
    bool has_summer;
    int32_t standard, summer; /* offsets behind the last change */
    struct rule begins, ends; /* of summer */
};

int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    /* March is the first month, so that a leap day is a year's last. */
    int64_t months = year * 12 + month - 1 - 2;
    int64_t from = months >= 0 ? months / 12 : (months - 11) / 12;
    int64_t of_year = ((months - from * 12) * 153 + 2) / 5 + day - 1;
    int64_t era = from >= 0 ? from / 400 : (from - 399) / 400;
    int64_t of_era = from - era * 400;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

void civil_from_days(
    int64_t days, int64_t *year_r, int64_t *month_r, int64_t *day_r)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* 0: March */

    *day_r = of_year - (153 * month + 2) / 5 + 1;
    *month_r = month < 10 ? month + 3 : month - 9;
    *year_r = year + era * 400 + (*month_r <= 2 ? 1 : 0);
}

static int64_t read_big_endian(const unsigned char *bytes, size_t len)
{
    uint64_t value = bytes[0] >= 0x80 ? UINT64_MAX : 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

/* Digits; false: none, or more than max. */
static bool read_digits(const char **at, int max, int *number_r)
{
    int number = 0;

    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        number = number * 10 + (**at - '0');
        if (number > max)
            return false;
    }
    *number_r = number;
    return true;
}

/* "3", "-3:30", "167:00:00". */
static bool read_time(const char **at, int32_t *seconds_r)
{
    int sign = **at == '-' ? -1 : 1, hours = 0, minutes = 0, seconds = 0;

    *at += **at == '-' || **at == '+';
    if (!read_digits(at, 167, &hours))
        return false;
    if (**at == ':' && (++*at, !read_digits(at, 59, &minutes)))
        return false;
    if (**at == ':' && (++*at, !read_digits(at, 59, &seconds)))
        return false;
    *seconds_r = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

/* "CET", "<+03>"; false: empty. */
static bool skip_name(const char **at)
{
    const char *from = *at;

    if (**at == '<') {
        *at += strcspn(*at, ">");
        *at += **at == '>';
    } else {
        while ((**at >= 'A' && **at <= 'Z') || (**at >= 'a' && **at <= 'z'))
            ++*at;
    }
    return *at > from;
}

static bool read_rule(const char **at, struct rule *rule)
{
    rule->at_s = 2 * 3600;
    if (strncmp(*at, ",M", 2) != 0)
        return false;
    *at += 2;
    if (!read_digits(at, 12, &rule->month) || rule->month < 1 ||
        *(*at)++ != '.' || !read_digits(at, 5, &rule->week) || rule->week < 1 ||
        *(*at)++ != '.' || !read_digits(at, 6, &rule->weekday))
        return false;
    if (**at != '/')
        return true;
    ++*at;
    return read_time(at, &rule->at_s);
}

/* "CET-1CEST,M3.5.0,M10.5.0/3" or "<+03>-3"; POSIX counts west of UTC. */
static bool read_last_line(struct time_zone *zone, const char *text)
{
    int32_t west;

    if (!skip_name(&text) || !read_time(&text, &west))
        return false;
    zone->standard = -west;
    zone->has_summer = *text != '\0';
    if (!zone->has_summer)
        return true;
    if (!skip_name(&text))
        return false;
    west = -zone->standard - 3600;
    if (*text != ',' && !read_time(&text, &west))
        return false;
    zone->summer = -west;
    return read_rule(&text, &zone->begins) && read_rule(&text, &zone->ends) &&
           *text == '\0';
}

/* What a block of the file holds, in the order of its head. */
struct block {
    size_t isut, isstd, leaps, times, types, names;
};

/* False: it is none, or does not fit. size: of a moment. */
static bool read_head(const unsigned char *bytes, size_t len, size_t size,
    struct block *block_r, size_t *block_len_r)
{
    size_t counts[6];

    if (len < HEAD_SIZE || memcmp(bytes, "TZif", 4) != 0)
        return false;
    for (size_t i = 0; i < 6; i++) {
        int64_t count = read_big_endian(bytes + 20 + 4 * i, 4);
        if (count < 0 || count > TIMES_MAX)
            return false;
        counts[i] = (size_t)count;
    }
    *block_r = (struct block){
        counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
    *block_len_r = HEAD_SIZE + block_r->times * (size + 1) +
                   block_r->types * 6 + block_r->names +
                   block_r->leaps * (size + 4) + block_r->isstd + block_r->isut;
    return *block_len_r <= len && block_r->types > 0;
}

/* bytes: behind the head of the block of 64 bits. */
static bool read_changes(struct time_zone *zone, const unsigned char *bytes,
    const struct block *block)
{
    const unsigned char *kinds = bytes + 8 * block->times;
    const unsigned char *types = kinds + block->times;

    zone->changes = xcalloc(block->times + 1, sizeof *zone->changes);
    zone->count = block->times;
    zone->first = (int32_t)read_big_endian(types, 4);
    for (size_t i = 0; i < block->times; i++) {
        struct change *change = &zone->changes[i];
        if (kinds[i] >= block->types)
            return false;
        change->utc_s = read_big_endian(bytes + 8 * i, 8);
        change->offset = (int32_t)read_big_endian(types + 6 * kinds[i], 4);
        if (i > 0 && change->utc_s <= change[-1].utc_s)
            return false;
    }
    return true;
}

/* Between two newlines, at the end. "": there is no rule. */
static bool read_end(
    struct time_zone *zone, const unsigned char *bytes, size_t len)
{
    char line[128];

    if (len < 2 || len - 2 >= sizeof line || bytes[0] != '\n' ||
        bytes[len - 1] != '\n')
        return false;
    memcpy(line, bytes + 1, len - 2);
    line[len - 2] = '\0';
    zone->has_last = line[0] != '\0';
    return !zone->has_last || read_last_line(zone, line);
}

struct time_zone *time_zone_parse(
    const unsigned char *bytes, size_t len, struct error *err)
{
    struct time_zone *zone = xcalloc(1, sizeof *zone);
    struct block block;
    size_t old_len, new_len;

    if (read_head(bytes, len, 4, &block, &old_len) && bytes[4] >= '2' &&
        read_head(bytes + old_len, len - old_len, 8, &block, &new_len) &&
        read_changes(zone, bytes + old_len + HEAD_SIZE, &block) &&
        read_end(zone, bytes + old_len + new_len, len - old_len - new_len))
        return zone;
    time_zone_free(&zone);
    error_set(err, "no TZif file of version 2 or later");
    return NULL;
}

void time_zone_free(struct time_zone **zone)
{
    if (*zone == NULL)
        return;
    free((*zone)->changes);
    free(*zone);
    *zone = NULL;
}

/* Local midnight's day number at which the rule falls in a year. */
static int64_t rule_day(const struct rule *rule, int64_t year)
{
    int64_t first = days_from_civil(year, rule->month, 1);
    int64_t next = days_from_civil(year, rule->month + 1, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01: Thursday */
    int64_t day = first + (rule->weekday - weekday + 7) % 7 +
                  (int64_t)(rule->week - 1) * 7;

    while (day >= next)
        day -= 7;
    return day;
}

static int32_t offset_by_rule(const struct time_zone *zone, int64_t utc_s)
{
    int64_t local = utc_s + zone->standard, year, month, day;
    int64_t days = (local >= 0 ? local : local - (DAY_S - 1)) / DAY_S;

    if (!zone->has_summer)
        return zone->standard;
    civil_from_days(days, &year, &month, &day);
    int64_t begins = rule_day(&zone->begins, year) * DAY_S + zone->begins.at_s -
                     zone->standard;
    int64_t ends =
        rule_day(&zone->ends, year) * DAY_S + zone->ends.at_s - zone->summer;
    bool is_summer = begins < ends ? utc_s >= begins && utc_s < ends
                                   : utc_s >= begins || utc_s < ends;
    return is_summer ? zone->summer : zone->standard;
}

int32_t time_zone_offset(const struct time_zone *zone, int64_t utc_s)
{
    size_t from = 0, to = zone->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (zone->changes[middle].utc_s <= utc_s)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == zone->count && zone->has_last)
        return offset_by_rule(zone, utc_s);
    return from == 0 ? zone->first : zone->changes[from - 1].offset;
}

/* -1: errno says why. */
static ssize_t read_file(const char *path, unsigned char bytes[FILE_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = 1, len = 0;

    if (fd == -1)
        return -1;
    while (got > 0 && len < FILE_MAX) {
        got = read(fd, bytes + len, (size_t)(FILE_MAX - len));
        len += got > 0 ? got : 0;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return got == -1 ? -1 : len;
}

static bool is_name(const char *name)
{
    return name[0] != '/' && strstr(name, "..") == NULL && strlen(name) < 64;
}

struct time_zone *time_zone_load(const char *name, struct error *err)
{
    unsigned char *bytes = xcalloc(1, FILE_MAX);
    char path[sizeof FOLDER + 64];
    struct time_zone *zone = NULL;
    struct error why;
    ssize_t len = -1;

    (void)snprintf(path, sizeof path, "%s%s", name[0] == '\0' ? "" : FOLDER,
        name[0] == '\0' ? LOCALTIME : name);
    errno = EINVAL;
    if (is_name(name))
        len = read_file(path, bytes);
    if (len == -1 && name[0] == '\0' && errno == ENOENT)
        zone = xcalloc(1, sizeof *zone); /* UTC */
    else if (len == -1)
        error_set(&why, "%s", strerror(errno));
    else
        zone = time_zone_parse(bytes, (size_t)len, &why);
    free(bytes);
    if (zone == NULL)
        error_set(err,
            "\"%s\": %s; allowed: the name of a time zone under " FOLDER
            ", as in Europe/Berlin (package tzdata), or \"\": the system's",
            name, why.text);
    return zone;
}
