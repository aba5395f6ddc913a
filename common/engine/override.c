/*
 * override.c - see override.h.
 *
 * A key becomes the subject that limit_subject writes for an event of this
 * key, so what is overridden is exactly what is counted.
 */
#include "common/engine/override.h"

#include "common/base/alloc.h"
#include "common/base/duration.h"
#include "common/core/distinct.h"
#include "common/engine/counters.h"
#include "common/engine/key_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE   (1u << KEY_SERVICE)
#define PARTS_MAX KEY_PARTS

const struct limit *override_find_limit(
    const struct config *config, const char *name, struct error *err)
{
    char known[800] = "";
    size_t len = 0;

    for (size_t i = 0; i < config->limit_count; i++) {
        const struct limit *limit = &config->limits[i];
        if (strcmp(limit->name, name) == 0)
            return limit;
        if (len < sizeof known)
            len += (size_t)snprintf(known + len, sizeof known - len, "%s%s",
                i > 0 ? ", " : "", limit->name);
    }
    if (strncmp(name, "client_", strlen("client_")) == 0)
        (void)error_set(err,
            "%s: is 0 in tollgate.conf, so main.cf's limit decides, which "
            "cannot be overridden; there are: %s",
            name, known[0] != '\0' ? known : "none");
    else
        (void)error_set(err, "%s: no such limit; there are: %s", name,
            known[0] != '\0' ? known : "none");
    return NULL;
}

/* What is known of the parts that were given. */
struct parts {
    struct counter_key keys[PARTS_MAX];
    size_t count;
    unsigned mask;
    const char *service; /* NULL: not given */
    struct event event;
};

static bool add_part(struct parts *parts, const struct limit *limit,
    const char *text, struct error *err)
{
    struct counter_key *key = &parts->keys[parts->count];

    if (strncmp(text, "service:", strlen("service:")) == 0) {
        parts->service = text + strlen("service:");
        parts->mask |= SERVICE;
        return true;
    }
    if (!counter_key_parse(text, key, err))
        return false;
    if (key->part == KEY_CLIENT && (limit->key & 1u << KEY_CLIENT) == 0)
        key->part = KEY_CLIENT_ADDRESS;
    if ((parts->mask & 1u << key->part) != 0)
        return error_set(err, "%s: given twice", key_part_name(key->part));
    parts->mask |= 1u << key->part;
    counter_key_put(key, &parts->event);
    parts->count++;
    return true;
}

/* "NAME=VALUE" is "NAME:VALUE" too, unless a colon comes before. */
static void use_colon(char *part)
{
    size_t len = strcspn(part, "=:/");

    if (part[len] == '=')
        part[len] = ':';
}

/* A comma ends a part if another part's name comes after it. */
static char *next_part(char *text)
{
    for (char *comma = text; (comma = strchr(comma, ',')) != NULL; comma++) {
        size_t len = strspn(comma + 1, "abcdefghijklmnopqrstuvwxyz_");
        char end = comma[1 + len];
        if (len > 0 && (end == ':' || end == '=')) {
            *comma = '\0';
            return comma + 1;
        }
    }
    return NULL;
}

static bool refuse_parts(const struct limit *limit, struct error *err)
{
    char names[160] = "";
    size_t len = 0;

    for (unsigned part = 0; part < KEY_PARTS; part++)
        if ((limit->key & ~SERVICE & 1u << part) != 0 && len < sizeof names)
            len += (size_t)snprintf(names + len, sizeof names - len, "%s%s",
                len > 0 ? "," : "", key_part_name((enum key_part)part));
    if (names[0] == '\0')
        return error_set(err,
            "limit %s has no key by which one could be told from another; "
            "change it in tollgate.conf and reload",
            limit->name);
    return error_set(
        err, "the key of limit %s is made of: %s", limit->name, names);
}

/* A login's domain stands for each login that ends with it. */
static unsigned key_of(const struct limit *limit, unsigned given)
{
    const unsigned login = 1u << KEY_SASL_USERNAME;
    const unsigned domain = 1u << KEY_SASL_DOMAIN;

    return (limit->key & (login | domain)) == login && (given & domain) != 0
               ? limit_domain_key(limit->key)
               : limit->key;
}

static bool set_subject(struct edict *edict, const struct config *config,
    const struct limit *limit, struct parts *parts)
{
    struct subject subject;
    unsigned key = key_of(limit, parts->mask);

    if (parts->service == NULL)
        key &= ~SERVICE;

    config_fold_client(config, &parts->event.client);
    limit_subject((uint16_t)key, &parts->event,
        parts->service != NULL ? parts->service : "", limit->prefixes,
        &subject);
    return edict_set_override(edict, limit->name, subject.text);
}

/* From copy, which is cut up, and which the service borrows. */
static bool read_parts(struct parts *parts, const struct limit *limit,
    char *copy, struct error *err)
{
    const struct counter_key nothing = {.part = KEY_SERVICE};
    bool is_good = true;

    parts->event = counter_key_event(&nothing);
    for (char *part = copy, *next; is_good && part != NULL; part = next) {
        next = next_part(part);
        use_colon(part);
        is_good = parts->count < PARTS_MAX ? add_part(parts, limit, part, err)
                                           : refuse_parts(limit, err);
    }
    return is_good;
}

bool override_may_apply(const struct config *config, const struct limit *limit,
    const char *text, struct error *err)
{
    struct parts *parts = xcalloc(1, sizeof *parts);
    char *copy = xstrdup(text);
    bool is_good = read_parts(parts, limit, copy, err);

    for (size_t i = 0; is_good && i < parts->count; i++)
        is_good = key_may_occur(&parts->keys[i], config, limit, err);
    if (is_good && parts->service != NULL)
        is_good = service_may_occur(parts->service, config, limit, err);
    free(copy);
    free(parts);
    return is_good;
}

bool override_set_key(struct edict *edict, const struct config *config,
    const struct limit *limit, const char *text, struct error *err)
{
    struct parts *parts = xcalloc(1, sizeof *parts);
    char *copy = xstrdup(text);
    bool is_good = read_parts(parts, limit, copy, err);

    if (is_good &&
        (key_of(limit, parts->mask) & ~SERVICE) != (parts->mask & ~SERVICE))
        is_good = refuse_parts(limit, err);
    if (is_good && (parts->mask & SERVICE & ~limit->key) != 0)
        is_good = error_set(
            err, "limit %s counts all services together", limit->name);
    if (is_good && (limit->key & ~SERVICE) == 0)
        is_good = refuse_parts(limit, err);
    if (is_good && !set_subject(edict, config, limit, parts))
        is_good = error_set(err, "%s: too long", text);
    free(copy);
    free(parts);
    return is_good;
}

bool override_set_total(
    struct edict *edict, const struct limit *limit, struct error *err)
{
    const unsigned login = 1u << KEY_SASL_USERNAME;
    const char *subject = edict_subject(edict);

    if ((limit->key & login) == 0 ||
        (strncmp(subject, "U=", 2) != 0 && strstr(subject, "|U=") == NULL))
        return error_set(err,
            "total: is for the logins of a domain, sasl:@example.com, of a "
            "limit by sasl_username");
    if (limit->kind == LIMIT_PER_MESSAGE)
        return error_set(err, "total: limit %s is of one message", limit->name);
    if (edict->n == 0)
        return error_set(err, "total: needs a number, as in 5000/1d");
    edict->is_total = true;
    return true;
}

static bool is_number(const char *text)
{
    return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* All rates of anvil's window end together. */
static bool has_common_window(const struct limit *limit)
{
    return limit->is_client && limit->window == LIMIT_WINDOW_FIXED;
}

static bool is_countable(
    const struct limit *limit, uint32_t n, struct error *err)
{
    return limit->distinct == 0 || n <= DISTINCT_MAX ||
           error_set(err, "limit %s: %s are counted up to %d; allowed: 1 to %d",
               limit->name, event_kind_name(limit->event), DISTINCT_MAX,
               DISTINCT_MAX);
}

bool override_set_rate(struct edict *edict, const struct limit *limit,
    const char *text, struct error *err)
{
    struct rate rate;
    char whole[64];

    edict->n = 0;
    edict->window_ms = 0;
    edict->is_blocked = strcmp(text, "0") == 0;
    if (edict->is_blocked && limit->kind == LIMIT_PER_MESSAGE)
        return error_set(err,
            "0: limit %s is of one message; allowed: a number, or none",
            limit->name);
    if (edict->is_blocked || strcmp(text, "none") == 0)
        return true;
    if (is_number(text)) {
        bool is_good =
            snprintf(whole, sizeof whole, "%s/1s", text) < (int)sizeof whole &&
            rate_parse(whole, &rate, err);
        is_good = is_good && is_countable(limit, rate.count, err);
        edict->n = is_good ? rate.count : 0;
        return is_good;
    }
    if (limit->kind != LIMIT_RATE)
        return error_set(err,
            "%s: limit %s has no window; allowed: a number, "
            "or none",
            text, limit->name);
    if (!rate_parse(text, &rate, err))
        return false;
    if (limit->calendar != NULL || rate.unit == RATE_MONTH) {
        if (limit->calendar == NULL ||
            rate.unit != calendar_unit(limit->calendar))
            return error_set(err,
                "%s: limit %s has another window; allowed: a number alone, "
                "or none",
                text, limit->name);
        rate.window_ms = 0;
    }
    if (rate.is_size && limit->event != EVENT_BYTES)
        return error_set(err,
            "%s: limit %s counts no bytes; allowed: a plain number and a span",
            text, limit->name);
    if (!is_countable(limit, rate.count, err))
        return false;
    edict->n = rate.count;
    edict->window_ms = rate.window_ms;
    if (has_common_window(limit) && edict->window_ms != limit->window_ms)
        return error_set(err,
            "%s: all fixed windows of a client end together, so only the "
            "number can differ; allowed: a number, or none",
            text);
    return true;
}
