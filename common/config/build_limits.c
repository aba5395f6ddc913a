/*
 * build_limits.c - limits from limit sections.
 *
 * A section's name in the store begins with its kind ("s:" sliding, "f:"
 * fixed, "k:" calendar, "c:" count), because a counter of one kind cannot be
 * read as another when a reload changes it; nor can it meet the one-letter
 * client_* names. What escalate counts is named by engine/penalties.c ("x:",
 * "y:").
 */
#include "common/config/build.h"

#include "common/base/alloc.h"
#include "common/config/option_types.h"
#include "common/core/distinct.h"
#include "common/core/verdict.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_NAME_MAX 32 /* engine_lease.held.name has room for 39 */

static bool is_given(const struct section *section, const char *name)
{
    return setting_text(section_setting(section, name))[0] != '\0';
}

static bool check_name(const struct section *section, struct error *err)
{
    const char *name = section->title;
    bool is_good = strlen(name) <= LIMIT_NAME_MAX;
    for (const char *c = name; *c != '\0'; c++)
        is_good = is_good && *c > 0x20 && *c < 0x7f && !strchr("{}|:%", *c);
    if (!is_good)
        return section_refuse(section, err,
            "malformed name; allowed: at most %d printable characters but "
            "space and { } | : %%",
            LIMIT_NAME_MAX);
    if (strncmp(name, "client_", strlen("client_")) == 0 &&
        option_find(SECTION_TOP, name) != NULL)
        return section_refuse(
            section, err, "an option has this name; give the limit another");
    return true;
}

static bool check_kind(const struct section *section, struct error *err)
{
    const bool has_rate = is_given(section, "rate");
    const bool has_count = is_given(section, "count");
    const bool has_max = is_given(section, "max_per_message");
    const struct setting *event = section_setting(section, "event");
    const bool is_count = strcmp(setting_text(event), "connection_count") == 0;
    if (has_rate + has_count + has_max != 1)
        return section_refuse(section, err,
            "%s of rate, count and max_per_message; allowed: exactly one",
            has_rate + has_count + has_max == 0 ? "none" : "more than one");
    if (has_count && !is_count)
        return setting_refuse(section_setting(section, "count"), err,
            "counts what is open at once; set event = \"connection_count\", or "
            "use rate");
    if (is_count && !has_count)
        return setting_refuse(event, err,
            "connection_count has no rate; use count, or event = "
            "\"connection\"");
    if (has_max && strcmp(setting_text(event), "recipient") != 0)
        return setting_refuse(section_setting(section, "max_per_message"), err,
            "counts recipients; set event = \"recipient\", or use rate");
    if (!has_rate &&
        setting_text(section_setting(section, "window"))[0] != '\0' &&
        strcmp(setting_text(section_setting(section, "window")), "sliding") !=
            0)
        return setting_refuse(section_setting(section, "window"), err,
            "only a rate has a window; remove it or use rate");
    return true;
}

static bool check_limit_section(
    const struct section *section, struct error *err)
{
    if (!check_name(section, err))
        return false;
    if (!is_given(section, "event"))
        return section_refuse(
            section, err, "event: missing; allowed: %s", event_kind_words());
    if (!is_given(section, "key") && !is_given(section, "max_per_message"))
        return section_refuse(section, err,
            "key: missing; allowed: a list of %s", key_part_words());
    return check_kind(section, err);
}

static char *store_name(const struct limit *limit)
{
    char kind = limit->kind == LIMIT_COUNT            ? 'c'
                : limit->window == LIMIT_WINDOW_FIXED ? 'f'
                : limit->calendar != NULL             ? 'k'
                                                      : 's';
    return xprintf("%c:%s", kind, limit->name);
}

static void set_amount(struct limit *limit, const struct limit_section *raw)
{
    if (raw->count > 0) {
        limit->kind = LIMIT_COUNT;
        limit->n = raw->count;
    } else if (raw->max_per_message > 0) {
        limit->kind = LIMIT_PER_MESSAGE;
        limit->n = raw->max_per_message;
    } else {
        limit->kind = LIMIT_RATE;
        limit->n = raw->rate.count;
        limit->window_ms = raw->rate.window_ms;
    }
}

struct limit_prefixes build_prefixes(
    const struct config *config, const struct limit_section_key *key)
{
    struct limit_prefixes prefixes = config->prefixes;

    if (key->ipv4 > 0)
        prefixes.ipv4 = (uint8_t)(key->ipv4 - 1);
    if (key->ipv6 > 0)
        prefixes.ipv6 = (uint8_t)(key->ipv6 - 1);
    return prefixes;
}

/* Of networks that are counted the event has the lengths, for the key has none:
 * a client is in one network. */
static struct limit_prefixes prefixes_of(
    const struct config *config, const struct limit_section *raw)
{
    struct limit_section_key key = raw->key;

    if (raw->event.kind == EVENT_NETWORKS) {
        key.ipv4 = raw->event.ipv4;
        key.ipv6 = raw->event.ipv6;
    }
    return build_prefixes(config, &key);
}

static uint16_t distinct_parts(enum event_kind kind)
{
    if (kind < EVENT_DISTINCT_FIRST)
        return 0;
    return (uint16_t)(1u << event_kind_part(kind));
}

/* The limit takes over the lists and texts of raw. */
static void add_limit(struct config *config, const struct section *section,
    struct limit_section *raw, enum face at,
    const struct limit_penalty *penalty, bool holds, struct calendar *calendar)
{
    struct limit *limit = build_add_limit(config);
    *limit = (struct limit){
        .name = xstrdup(section->title),
        .window = calendar != NULL   ? LIMIT_WINDOW_CALENDAR
                  : raw->window == 0 ? LIMIT_WINDOW_SLIDING
                                     : (enum limit_window)(raw->window - 1),
        .calendar = calendar,
        .event = raw->event.kind,
        .at = at,
        .key = raw->key.parts,
        .distinct = distinct_parts(raw->event.kind),
        .prefixes = prefixes_of(config, raw),
        .services = raw->services,
        .clients = raw->clients,
        .authenticated = raw->authenticated,
        .action = raw->action,
        .notify = raw->notify,
        .notify_every_ms = raw->notify_every_ms,
        .notify_at = build_notify_at(raw),
        .holds = holds,
        .penalty = *penalty,
        .shadow = raw->shadow || config->shadow,
        .on_store_failure =
            raw->on_store_failure == 0
                ? config->on_store_failure
                : (enum store_failure)(raw->on_store_failure - 1),
    };
    xfree_texts(raw->senders);
    xfree_texts(raw->logins);
    xfree_texts(raw->recipients);
    set_amount(limit, raw);
    config->warns |= limit->notify_at > 0;
    config->counts_distinct |= limit->distinct != 0;
    free(raw->notify_at);
    limit->store_name = store_name(limit);
    if (limit->action[0] == '\0') {
        free(limit->action);
        limit->action = verdict_default_action(limit->event, limit->key);
    }
}

/* Words such as REJECT are Postfix's own; a milter can give a reply only. */
static bool check_milter_action(const struct section *section,
    const struct limit_section *raw, struct error *err)
{
    if (raw->action[0] == '\0' || raw->action[0] == '4' ||
        raw->action[0] == '5')
        return true;
    return setting_refuse(section_setting(section, "action"), err,
        "not for \"milter\"; allowed: 4NN TEXT, 5NN TEXT, or at = \"policy\"");
}

static bool check_key(const struct section *section,
    const struct limit_section *raw, struct error *err)
{
    if (raw->key.is_client_twice)
        return setting_refuse(section_setting(section, "key"), err,
            "client: given twice; a key has one, with both lengths as in "
            "client/24/48; write another limit for another length");
    return true;
}

static bool check_unit(const struct section *section,
    const struct limit_section *raw, struct error *err)
{
    if (raw->rate.is_size && raw->event.kind != EVENT_BYTES)
        return setting_refuse(section_setting(section, "rate"), err,
            "a size; only bytes are counted so: set event = \"bytes\", or "
            "write a plain number");
    return true;
}

/* In these parts of a key what is counted is always one. */
static uint16_t parts_of_one(enum event_kind kind)
{
    const unsigned domain = 1u << KEY_RECIPIENT_DOMAIN;

    switch (event_kind_part(kind)) {
    case KEY_CLIENT:
        return 1u << KEY_CLIENT | 1u << KEY_CLIENT_ADDRESS;
    case KEY_RECIPIENT:
        return 1u << KEY_RECIPIENT;
    case KEY_RECIPIENT_DOMAIN:
        return (uint16_t)(1u << KEY_RECIPIENT | domain);
    default:
        return 0;
    }
}

static bool check_distinct(const struct section *section,
    const struct limit_section *raw, struct error *err)
{
    enum event_kind kind = raw->event.kind;
    unsigned ones = raw->key.parts & parts_of_one(kind);

    if (ones != 0)
        return setting_refuse(section_setting(section, "key"), err,
            "a counter for each %s would never count more than one of %s; "
            "remove it%s",
            key_part_name((enum key_part)__builtin_ctz(ones)),
            event_kind_name(kind),
            kind == EVENT_NETWORKS ? ", and write lengths as in event = "
                                     "\"networks/24/48\""
                                   : "");
    if (kind >= EVENT_DISTINCT_FIRST && raw->rate.count > DISTINCT_MAX)
        return setting_refuse(section_setting(section, "rate"), err,
            "%s are counted up to %d; allowed: 1 to %d", event_kind_name(kind),
            DISTINCT_MAX, DISTINCT_MAX);
    return true;
}

static bool add_section(
    struct config *config, const struct section *section, struct error *err)
{
    struct limit_section raw = {0};
    struct limit_penalty penalty;
    bool holds = false;
    struct calendar *calendar = NULL;
    struct limit_names *names = NULL;
    enum face at;
    if (!check_limit_section(section, err))
        return false;
    build_store(section, &raw);
    bool is_good = check_key(section, &raw, err) &&
                   check_unit(section, &raw, err) &&
                   check_distinct(section, &raw, err) &&
                   build_check_window(section, &raw, err) &&
                   build_choose_face(config, section, &raw, &at, err);
    if (is_good && at == FACE_ANVIL && raw.action[0] != '\0')
        is_good = setting_refuse(section_setting(section, "action"), err,
            "Postfix answers by itself when anvil refuses; set at = "
            "\"policy\", or remove it");
    if (is_good && at == FACE_MILTER)
        is_good = check_milter_action(section, &raw, err);
    is_good = is_good && build_check_notify(section, &raw, err);
    is_good = is_good &&
              build_penalty(config, section, &raw, at, &penalty, &holds, err);
    is_good = is_good && build_calendar(config, section, &raw, &calendar, err);
    is_good = is_good && build_names(config, section, &raw, &names, err);
    if (is_good) {
        add_limit(config, section, &raw, at, &penalty, holds, calendar);
        config->limits[config->limit_count - 1].names = names;
        return true;
    }
    calendar_free(&calendar);
    for (size_t i = 0; i < section->count; i++)
        option_clear(section->settings[i].option, &raw);
    return false;
}

bool build_section_limits(struct config *config, struct error *err)
{
    for (size_t i = 0; i < config->values->count; i++) {
        const struct section *section = &config->values->sections[i];
        if (section->kind == SECTION_LIMIT &&
            !add_section(config, section, err))
            return false;
    }
    return true;
}
