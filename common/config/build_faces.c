/*
 * build_faces.c - which face feeds which limit, and how many of them.
 *
 * The table of who can feed what is core/event.h's; what it cannot say is
 * here: anvil knows nothing of authentication and where a message ends.
 */
#include "common/config/build.h"

#include "common/base/alloc.h"
#include "common/config/listen.h"

#include <stdio.h>
#include <string.h>

bool build_has_face(const struct config *config, enum face face)
{
    const struct config_listeners *listen = &config->policyd.listen;
    if (face == FACE_MILTER)
        return config->milter.listen[0] != '\0';
    for (size_t i = 0; i < listen->count; i++)
        if (listen_face(&listen->items[i]) == face)
            return true;
    return false;
}

const char *build_listen_option(enum face face)
{
    return face == FACE_MILTER ? "milter.listen" : "policyd.listen";
}

/* True, or false with why in err. */
static bool can_feed(const struct config *config, enum face face,
    const struct limit_section *raw, struct error *err)
{
    if (!build_has_face(config, face))
        return error_set(err, "%s has no listener for %s",
            build_listen_option(face), face_name(face));
    if (!event_can_feed(face, raw->event.kind))
        return error_set(err, "%s does not see event %s", face_name(face),
            event_kind_name(raw->event.kind));
    for (unsigned part = 0; part < KEY_PARTS; part++)
        if ((raw->key.parts & 1u << part) != 0 &&
            !event_has_key(face, (enum key_part)part))
            return error_set(err, "%s does not know key %s", face_name(face),
                key_part_name((enum key_part)part));
    if (face == FACE_ANVIL && raw->authenticated != LIMIT_AUTH_ANY)
        return error_set(err, "anvil does not know who has authenticated");
    if (face == FACE_ANVIL && build_has_names(raw))
        return error_set(err, "anvil is told no names");
    if (face == FACE_ANVIL && raw->max_per_message > 0)
        return error_set(err, "anvil does not see where a message ends");
    return true;
}

/* The first face that can; why[] says why the others cannot. */
static bool find_face(const struct config *config,
    const struct limit_section *raw, enum face *face_r, struct error why[FACES])
{
    for (unsigned face = FACE_ANVIL; face < FACES; face++) {
        *face_r = (enum face)face;
        if (can_feed(config, *face_r, raw, &why[face]))
            return true;
    }
    return false;
}

bool build_choose_face(const struct config *config,
    const struct section *section, const struct limit_section *raw,
    enum face *face_r, struct error *err)
{
    struct error why[FACES], reason;
    if (raw->at == 0)
        return find_face(config, raw, face_r, why) ||
               section_refuse(section, err,
                   "at: nobody can feed it: %s; %s; %s; change event or key",
                   why[FACE_ANVIL].text, why[FACE_POLICY].text,
                   why[FACE_MILTER].text);

    const enum face at = (enum face)(raw->at - 1);
    const struct setting *setting = section_setting(section, "at");
    *face_r = at;
    if (can_feed(config, at, raw, &reason))
        return true;
    if (find_face(config, raw, face_r, why))
        return setting_refuse(setting, err,
            "\"%s\" cannot feed it: %s; use \"%s\"", face_name(at), reason.text,
            face_name(*face_r));
    return setting_refuse(setting, err,
        "\"%s\" cannot feed it: %s; change event or key", face_name(at),
        reason.text);
}

struct limit *build_add_limit(struct config *config)
{
    config->limits = xrealloc(
        config->limits, (config->limit_count + 1) * sizeof *config->limits);
    struct limit *limit = &config->limits[config->limit_count++];
    memset(limit, 0, sizeof *limit);
    return limit;
}

#define OF_MESSAGES \
    (1u << EVENT_MESSAGE | 1u << EVENT_RECIPIENT | 1u << EVENT_BYTES | \
        1u << EVENT_NETWORKS | 1u << EVENT_DISTINCT_RECIPIENTS | \
        1u << EVENT_DISTINCT_RECIPIENT_DOMAINS)

/* Events that one request of a face can ask about together; any other event
 * has a request of its own. */
static const struct request {
    enum face face;
    unsigned events; /* bits: 1u << enum event_kind */
    size_t max;      /* counters */
} requests[] = {
    {FACE_ANVIL, 1u << EVENT_CONNECTION_COUNT, LEASES_MAX},
    {FACE_ANVIL, 1u << EVENT_CONNECTION | 1u << EVENT_CONNECTION_COUNT,
        CHARGES_MAX},
    {FACE_POLICY, OF_MESSAGES, CHARGES_MAX},
    {FACE_MILTER, 1u << EVENT_CONNECTION_COUNT, LEASES_MAX},
    {FACE_MILTER, 1u << EVENT_CONNECTION | 1u << EVENT_CONNECTION_COUNT,
        CHARGES_MAX},
    {FACE_MILTER, OF_MESSAGES, CHARGES_MAX},
};

/* What anvil reports without a limit is a counter too. */
static size_t count_reports(
    const struct config *config, const struct request *request)
{
    size_t count = 0;
    for (unsigned event = 0; event < EVENT_KINDS; event++)
        if (request->face == FACE_ANVIL && (request->events & 1u << event) &&
            (config->client.n[event] == 0 ||
                config->client.at != FACE_ANVIL + 1))
            count++;
    return count;
}

static bool refuse_limit(const struct config *config, const struct limit *limit,
    size_t max, struct error *err)
{
    for (size_t i = 0; i < config->values->count; i++) {
        const struct section *section = &config->values->sections[i];
        if (section->kind == SECTION_LIMIT &&
            strcmp(section->title, limit->name) == 0)
            return section_refuse(section, err,
                "more than %zu counters for one %s request of %s; remove a "
                "limit, or feed one elsewhere by at",
                max, event_kind_name(limit->event), face_name(limit->at));
    }
    return error_set(err, "%s: too many limits", limit->name);
}

static bool check_request(const struct config *config,
    const struct request *request, struct error *err)
{
    size_t count = count_reports(config, request);
    for (size_t i = 0; i < config->limit_count; i++) {
        const struct limit *limit = &config->limits[i];
        if (limit->at != request->face || limit->kind == LIMIT_PER_MESSAGE ||
            (request->events & 1u << limit->event) == 0)
            continue;
        if (++count > request->max)
            return refuse_limit(config, limit, request->max, err);
    }
    return true;
}

static bool check_requests(const struct config *config, struct error *err)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (!check_request(config, &requests[i], err))
            return false;
    for (unsigned i = 0; i < FACES * EVENT_KINDS; i++) {
        const struct request alone = {
            (enum face)(i / EVENT_KINDS), 1u << i % EVENT_KINDS, CHARGES_MAX};
        if (!check_request(config, &alone, err))
            return false;
    }
    return true;
}

bool build_feeds(struct config *config, struct error *err)
{
    if (!check_requests(config, err))
        return false;
    for (size_t i = 0; i < config->limit_count; i++) {
        const struct limit *limit = &config->limits[i];
        struct config_feed *feed = &config->feeds[limit->at][limit->event];
        /* NOLINTBEGIN(bugprone-sizeof-expression): pointers, as meant */
        feed->limits =
            xrealloc(feed->limits, (feed->count + 1) * sizeof *feed->limits);
        /* NOLINTEND(bugprone-sizeof-expression) */
        feed->limits[feed->count++] = limit;
    }
    return true;
}
