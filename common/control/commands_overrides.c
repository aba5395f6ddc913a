/*
 * commands_overrides.c - override set, override del, overrides.
 */
#include "common/control/control_command.h"
#include "common/control/describe.h"

#include "common/control/edict_write.h"
#include "common/engine/daemon.h"
#include "common/engine/override.h"

#include <string.h>

static const struct config *config_of(const struct control_call *call)
{
    return engine_config(daemon_engine(control_call_host(call)->daemon));
}

static const char *text_of(const json_t *arguments, const char *name)
{
    return json_string_value(json_object_get(arguments, name));
}

/* NULL: refused, the call is over. */
static const struct limit *read_limit(
    struct control_call *call, const json_t *arguments, struct edict *edict)
{
    const struct config *config = config_of(call);
    struct error err;
    const struct limit *limit =
        override_find_limit(config, text_of(arguments, "limit"), &err);

    if (limit == NULL) {
        control_refuse(call, CONTROL_NOT_FOUND, "%s", err.text);
        return NULL;
    }
    if (override_set_key(edict, config, limit, text_of(arguments, "key"), &err))
        return limit;
    control_refuse(call, CONTROL_USAGE, "%s", err.text);
    return NULL;
}

static void run_set(struct control_call *call, const json_t *arguments)
{
    struct edict edict = {.kind = EDICT_OVERRIDE};
    struct error err;
    uint64_t life_ms;
    const struct limit *limit = read_limit(call, arguments, &edict);

    if (limit == NULL || !edict_write_life(call, arguments, &life_ms))
        return;
    if (override_may_apply(
            config_of(call), limit, text_of(arguments, "key"), &err) &&
        override_set_rate(&edict, limit, text_of(arguments, "rate"), &err) &&
        (!json_is_true(json_object_get(arguments, "total")) ||
            override_set_total(&edict, limit, &err)))
        edict_write(call, &edict, life_ms, "override");
    else
        control_refuse(call, CONTROL_USAGE, "%s", err.text);
}

static void run_del(struct control_call *call, const json_t *arguments)
{
    struct edict edict = {.kind = EDICT_OVERRIDE};

    if (read_limit(call, arguments, &edict) != NULL)
        edict_write(call, &edict, 0, "override");
}

static const struct limit *limit_of(
    const struct config *config, const struct edict *edict)
{
    size_t len = strcspn(edict->key, " ");

    for (size_t i = 0; i < config->limit_count; i++)
        if (strlen(config->limits[i].name) == len &&
            memcmp(config->limits[i].name, edict->key, len) == 0)
            return &config->limits[i];
    return NULL;
}

/* allowed null: no limit; 0: nothing is let through. void: no limit has the
 * name any more. */
static void add_limit(
    const struct control_host *host, const struct edict *edict, json_t *member)
{
    const struct limit *limit =
        limit_of(engine_config(daemon_engine(host->daemon)), edict);
    uint64_t window_ms = edict->window_ms;

    if (limit != NULL && window_ms == 0)
        window_ms = limit->window_ms;
    json_object_set_new(
        member, "limit", json_stringn(edict->key, strcspn(edict->key, " ")));
    json_object_set_new(member, "subject", control_text(edict_subject(edict)));
    json_object_set_new(member, "allowed",
        edict->n > 0 || edict->is_blocked ? json_integer((json_int_t)edict->n)
                                          : json_null());
    json_object_set_new(
        member, "window_ms", json_integer((json_int_t)window_ms));
    json_object_set_new(member, "total", json_boolean(edict->is_total));
    json_object_set_new(member, "void", json_boolean(limit == NULL));
}

json_t *describe_overrides(const struct control_host *host, size_t most)
{
    return edict_some(host, EDICT_OVERRIDE, most, add_limit);
}

static void run_overrides(struct control_call *call, const json_t *arguments)
{
    edict_list(call, EDICT_OVERRIDE, "overrides", add_limit);
}

const struct control_command commands_overrides[] = {
    {"override set", CONTROL_CHANGE, false,
        {{"limit", CONTROL_TEXT, true}, {"key", CONTROL_TEXT, true},
            {"rate", CONTROL_TEXT, true}, {"duration", CONTROL_TEXT, false},
            {"total", CONTROL_FLAG, false}},
        run_set, "another rate for one key of a limit, for an hour"},
    {"override del", CONTROL_CHANGE, false,
        {{"limit", CONTROL_TEXT, true}, {"key", CONTROL_TEXT, true}}, run_del,
        "back to the limit's own"},
    {"overrides", CONTROL_READ, false, {{0}}, run_overrides,
        "which limits differ for whom"},
    {0},
};
