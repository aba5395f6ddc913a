/*
 * build_calendar.c - rates by the day, the week or the month.
 *
 * A rate per "day" is the calendar's unless window says another kind. The time
 * zone is read where one is named or needed: a host without /etc/localtime has
 * UTC.
 */
#include "common/config/build.h"

#include "common/base/alloc.h"

#include <stdlib.h>

static bool is_calendar(const struct limit_section *raw)
{
    return raw->window == 1 + LIMIT_WINDOW_CALENDAR ||
           (raw->window == 0 && raw->rate.unit != RATE_SPAN);
}

bool build_check_window(const struct section *section,
    const struct limit_section *raw, struct error *err)
{
    if (is_calendar(raw) && raw->rate.unit == RATE_SPAN)
        return setting_refuse(section_setting(section, "window"), err,
            "a calendar has no spans; write a rate by day, week or month, as "
            "in 500/day, or remove it");
    if (!is_calendar(raw) && raw->rate.unit == RATE_MONTH)
        return setting_refuse(section_setting(section, "window"), err,
            "a month has no one length; write a span, as in 30d, or remove it");
    return true;
}

static bool load_zone(struct config *config, struct error *err)
{
    const struct section *top = values_section(config->values, SECTION_TOP);
    struct error why;

    if (config->zone == NULL)
        config->zone = time_zone_load(config->time_zone, &why);
    return config->zone != NULL ||
           setting_refuse(
               section_setting(top, "time_zone"), err, "%s", why.text);
}

bool build_time_zone(struct config *config, struct error *err)
{
    return config->time_zone[0] == '\0' || load_zone(config, err);
}

bool build_calendar(struct config *config, const struct section *section,
    const struct limit_section *raw, struct calendar **calendar_r,
    struct error *err)
{
    char *name;

    *calendar_r = NULL;
    if (!is_calendar(raw))
        return true;
    if (!load_zone(config, err))
        return false;
    name = xprintf("k:%s", section->title);
    *calendar_r = calendar_new(config->zone, raw->rate.unit, name);
    free(name);
    return true;
}
