/*
 * build_penalties.c - on_refusal and escalate of a limit section.
 *
 * A ban is of one network or one name, for all services: a limit whose key is
 * anything else has nothing that could be banned.
 */
#include "common/config/build.h"

#include "common/config/option_pairs.h"

#include <string.h>

#define BANNABLE \
    (1u << KEY_CLIENT | 1u << KEY_CLIENT_ADDRESS | 1u << KEY_SASL_USERNAME | \
        1u << KEY_SASL_DOMAIN | 1u << KEY_SENDER | 1u << KEY_SENDER_DOMAIN | \
        1u << KEY_RECIPIENT | 1u << KEY_RECIPIENT_DOMAIN | 1u << KEY_HELO)

static uint64_t value_of(const struct setting *setting, const char *name)
{
    return option_pairs_value(setting->items, setting->count, name);
}

static bool check_double(const struct setting *setting, struct error *err)
{
    const char *item = option_pairs_double(setting->items, setting->count);
    return item == NULL ||
           setting_refuse(setting, err, "\"%.*s\" stands in the list twice",
               (int)strcspn(item, "="), item);
}

/* The key has exactly one part, and that is one of those that bans know. */
static bool check_key(
    const struct setting *setting, uint16_t key, struct error *err)
{
    if (key != 0 && (key & (key - 1)) == 0 && (key & BANNABLE) != 0)
        return true;
    return setting_refuse(setting, err,
        "this key cannot be banned; allowed: a key of one part, client, "
        "client_address, sasl_username, sasl_domain, sender, sender_domain, "
        "recipient, recipient_domain or helo");
}

/* A network of no length holds everybody. */
static bool check_length(const struct setting *setting,
    const struct config *config, const struct limit_section_key *key,
    struct error *err)
{
    const struct limit_prefixes counted = build_prefixes(config, key);
    if (key->parts != 1u << KEY_CLIENT ||
        (counted.ipv4 > 0 && counted.ipv6 > 0))
        return true;
    return setting_refuse(setting, err,
        "all clients count as one here and would be banned; allowed: networks "
        "of 1 bit or more, as in client/24/48");
}

static bool check_ban(const struct setting *setting,
    const struct config *config, const struct limit_section *raw,
    struct error *err)
{
    return check_key(setting, raw->key.parts, err) &&
           check_length(setting, config, &raw->key, err);
}

static bool check_hold(const struct section *section,
    const struct limit_section *raw, enum face at, struct error *err)
{
    const struct setting *setting = section_setting(section, "on_refusal");
    const unsigned of_messages =
        1u << EVENT_MESSAGE | 1u << EVENT_RECIPIENT | 1u << EVENT_BYTES;
    if (at == FACE_ANVIL)
        return setting_refuse(setting, err,
            "anvil cannot hold a message; set at = \"policy\" or \"milter\", "
            "or remove hold");
    if ((1u << event_kind_cause(raw->event.kind) & of_messages) == 0)
        return setting_refuse(setting, err,
            "%s is not of a message that could be held; allowed: hold with "
            "message, recipient or bytes",
            event_kind_name(raw->event.kind));
    if (raw->action[0] != '\0')
        return setting_refuse(section_setting(section, "action"), err,
            "nothing is refused where on_refusal holds; remove one of them");
    return true;
}

static bool check_escalate(const struct setting *setting,
    const struct limit_penalty *penalty, uint64_t window_ms, struct error *err)
{
    const uint64_t step_ms = limit_penalty_step(window_ms);
    if (penalty->after == 0 || penalty->within_ms == 0 ||
        penalty->long_ban_ms == 0)
        return setting_refuse(setting, err,
            "not whole; allowed: { after = 2 to 1000, within = TIME, ban = "
            "TIME }");
    if (penalty->long_ban_ms < 2 * penalty->ban_ms)
        return setting_refuse(setting, err,
            "its ban is not twice as long as that of on_refusal; make it "
            "longer");
    if (penalty->within_ms < (penalty->after - 1) * step_ms)
        return setting_refuse(setting, err,
            "so many cannot be counted within that time, because the refusals "
            "of %llu s count once; make within longer, or after smaller",
            (unsigned long long)((step_ms + 999) / 1000));
    return true;
}

bool build_penalty(const struct config *config, const struct section *section,
    const struct limit_section *raw, enum face at, struct limit_penalty *r,
    bool *holds_r, struct error *err)
{
    const struct setting *refusal = section_setting(section, "on_refusal");
    const struct setting *escalate = section_setting(section, "escalate");
    *holds_r = option_pairs_has(refusal->items, refusal->count, "hold");
    *r = (struct limit_penalty){
        .ban_ms = value_of(refusal, "ban"),
        .after = (uint32_t)value_of(escalate, "after"),
        .within_ms = value_of(escalate, "within"),
        .long_ban_ms = value_of(escalate, "ban"),
    };
    if (!check_double(refusal, err) || !check_double(escalate, err) ||
        (*holds_r && !check_hold(section, raw, at, err)))
        return false;
    if (r->ban_ms > 0 && !check_ban(refusal, config, raw, err))
        return false;
    return escalate->count == 0 ||
           (check_ban(escalate, config, raw, err) &&
               check_escalate(escalate, r, raw->rate.window_ms, err));
}
