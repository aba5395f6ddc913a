/*
 * penalties.c - see penalties.h.
 *
 * One request to the store counts: a sliding counter of one per step decides
 * whether this refusal counts, another counts those that do, and the two are
 * all or nothing. The second is full when the key is to be banned for long, so
 * it never grows beyond `after`.
 */
#include "common/engine/penalties.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/duration.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/engine/ban.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE     40    /* a section's title has at most 32 bytes */
#define SETTLE_MS     1000  /* by then the table knows what was written */
#define SAID_EVERY_MS 60000 /* of one key, and of a full table */

enum { STEP, TIMES, COUNTS }; /* charges of a request */

struct penalty {
    struct penalties *owner;
    uint64_t id; /* of limit and key */
    uint64_t quiet_until_ms;
    bool is_busy;
    struct limit_penalty rule;
    uint64_t step_ms;
    char limit[NAME_SIZE];
    char rate[EDICT_REASON_SIZE]; /* as a reason: "more than 100/1h" */
    struct subject subject;
    char names[COUNTS][NAME_SIZE]; /* in the store */
    struct charge charges[COUNTS];
    struct store_request count;
    struct store_edict_request order;
};

struct penalties {
    struct engine *engine;
    struct hash_key hash_key;
    uint64_t full_said_ms; /* 0: never */
    struct penalty items[PENALTIES_MAX];
};

struct penalties *penalties_new(struct engine *engine)
{
    struct penalties *penalties = xcalloc(1, sizeof *penalties);

    penalties->engine = engine;
    hash_key_init(&penalties->hash_key);
    return penalties;
}

void penalties_free(struct penalties **penalties)
{
    if (*penalties == NULL)
        return;
    struct store *store = engine_store((*penalties)->engine);
    for (size_t i = 0; i < PENALTIES_MAX; i++) {
        store_cancel(store, &(*penalties)->items[i].count);
        store_edict_cancel(store, &(*penalties)->items[i].order);
    }
    free(*penalties);
    *penalties = NULL;
}

static struct store *store_of(const struct penalty *penalty)
{
    return engine_store(penalty->owner->engine);
}

static struct metrics *metrics_of(const struct penalty *penalty)
{
    return engine_metrics(penalty->owner->engine);
}

static void finish(struct penalty *penalty, uint64_t quiet_ms)
{
    penalty->is_busy = false;
    penalty->quiet_until_ms = clock_monotonic_ms() + quiet_ms;
}

static void say_full(struct penalties *penalties)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (penalties->full_said_ms != 0 &&
        now_ms < penalties->full_said_ms + SAID_EVERY_MS)
        return;
    penalties->full_said_ms = now_ms;
    log_warn("there are %d bans and overrides of persons, which is the most: "
             "limits ban nobody more",
        EDICTS_MAX);
}

static void log_ban(const struct penalty *penalty)
{
    const struct store_edict_request *order = &penalty->order;
    struct log_record record;

    log_record_begin(&record, LOG_LEVEL_INFO, "ban");
    log_record_text(&record, "key", order->edict.key);
    log_record_text(&record, "limit", penalty->limit);
    log_record_number(&record, "seconds", (int64_t)(order->life_ms / 1000));
    log_record_text(&record, "reason", order->edict.reason);
    log_record_end(&record);
}

static void on_ordered(
    struct store_edict_request *order, enum store_edict_result result)
{
    struct penalty *penalty = order->context;

    if (result == STORE_EDICT_DONE) {
        metrics_of(penalty)->bans_made++;
        log_ban(penalty);
    } else if (result != STORE_EDICT_KEPT) {
        metrics_of(penalty)->bans_failed++;
    }
    if (result == STORE_EDICT_FULL)
        say_full(penalty->owner);
    finish(penalty, SETTLE_MS);
}

static void set_reason(struct penalty *penalty, bool is_long)
{
    struct edict *edict = &penalty->order.edict;
    char within[DURATION_TEXT_SIZE];
    char *text = is_long
                     ? xprintf("limit %s: refused %" PRIu32 " times within %s",
                           penalty->limit, penalty->rule.after,
                           duration_format(penalty->rule.within_ms, within))
                     : xprintf("limit %s: %s", penalty->limit, penalty->rate);

    edict_set_text(edict->reason, sizeof edict->reason, text);
    free(text);
}

/* Is there one already that was made for so long, or by a person? */
static bool is_banned(const struct penalty *penalty, uint64_t life_ms)
{
    const struct edict_table *edicts = store_edicts(store_of(penalty));
    const struct edict *edict = &penalty->order.edict;
    uint64_t now_ms = clock_monotonic_ms();

    return edict_table_is_persons(edicts, edict, now_ms) ||
           edict_table_lives(edicts, edict, life_ms, now_ms, clock_wall_ms());
}

static void order(struct penalty *penalty, bool is_long)
{
    struct store_edict_request *request = &penalty->order;

    request->life_ms =
        is_long ? penalty->rule.long_ban_ms : penalty->rule.ban_ms;
    if (request->life_ms == 0 || is_banned(penalty, request->life_ms)) {
        finish(penalty, SETTLE_MS);
        return;
    }
    set_reason(penalty, is_long);
    request->keeps_as_long = true;
    request->on_done = on_ordered;
    request->context = penalty;
    store_edict_write(store_of(penalty), request);
}

/* Full, or filled by this one. Where the step was counted already the charges
 * are as they were: a long ban that could not be written is tried again. */
static void on_counted(struct store_request *request, enum store_status status)
{
    struct penalty *penalty = request->context;
    const struct charge *times = &penalty->charges[TIMES];

    order(penalty, status == STORE_OK &&
                       (times->refused || times->used >= penalty->rule.after));
}

static void set_charge(
    struct penalty *penalty, size_t at, uint32_t limit, uint64_t window_ms)
{
    static const char letters[COUNTS] = {[STEP] = 'x', [TIMES] = 'y'};

    (void)snprintf(penalty->names[at], NAME_SIZE, "%c:%.*s", letters[at],
        NAME_SIZE - 3, penalty->limit);
    penalty->charges[at] = (struct charge){
        .kind = CHARGE_SLIDING,
        .subject = &penalty->subject,
        .name = penalty->names[at],
        .limit = limit,
        .amount = 1,
        .window_ms = window_ms,
    };
}

static void count(struct penalty *penalty)
{
    struct store_request *request = &penalty->count;

    set_charge(penalty, STEP, 1, penalty->step_ms);
    set_charge(penalty, TIMES, penalty->rule.after, penalty->rule.within_ms);
    request->charges = penalty->charges;
    request->count = COUNTS;
    request->on_done = on_counted;
    request->context = penalty;
    store_charge(store_of(penalty), request);
}

/* The ban of the limit's only key part. False: it is infrastructure. */
static bool set_edict(struct penalty *penalty, const struct decision *decision,
    const struct limit *limit)
{
    const enum key_part part = (enum key_part)__builtin_ctz(limit->key);
    const struct event *event = &decision->event;
    struct edict *edict = &penalty->order.edict;
    struct cidr net = event->client;
    char text[CIDR_TEXT_SIZE];
    struct error err;

    *edict = (struct edict){.kind = EDICT_BAN, .is_automatic = true};
    if (part != KEY_CLIENT && part != KEY_CLIENT_ADDRESS) {
        edict_set_name_ban(edict, part, &penalty->subject);
        return true;
    }
    if (event->is_unproxied)
        return false;
    if (part == KEY_CLIENT)
        net = limit_client_net(&net, limit->prefixes);
    if (ban_check(decision->engine, &net, &err))
        return edict_set_ban(edict, cidr_format(&net, text), &err);
    log_warn("limit %s: %s", penalty->limit, err.text);
    return false;
}

static void set_who(struct edict *edict, const struct config *config)
{
    char *who = xprintf("tollgate at %s", config->instance_name);

    edict_set_text(edict->who, sizeof edict->who, who);
    free(who);
}

static void set_rate(struct penalty *penalty, const struct refusal *refusal)
{
    char window[DURATION_TEXT_SIZE] = "";

    if (refusal->limit->kind == LIMIT_RATE)
        duration_format(refusal->window_ms, window);
    (void)snprintf(penalty->rate, sizeof penalty->rate,
        "more than %" PRIu32 "%s%s", refusal->allowed,
        window[0] != '\0' ? "/" : "", window);
}

static uint64_t id_of(const struct penalties *penalties,
    const struct limit *limit, const struct subject *subject)
{
    uint64_t hash =
        hash_bytes(&penalties->hash_key, subject->text, subject->len);

    return hash +
           hash_bytes(&penalties->hash_key, limit->name, strlen(limit->name));
}

/* That of this key; else the one that was quiet first; NULL: all are busy. */
static struct penalty *place_of(struct penalties *penalties, uint64_t id)
{
    struct penalty *place = NULL;

    for (size_t i = 0; i < PENALTIES_MAX; i++) {
        struct penalty *penalty = &penalties->items[i];
        if (penalty->id == id)
            return penalty;
        if (!penalty->is_busy &&
            (place == NULL || penalty->quiet_until_ms < place->quiet_until_ms))
            place = penalty;
    }
    return place;
}

static void begin(struct penalty *penalty, const struct decision *decision,
    const struct refusal *refusal)
{
    const struct limit *limit = refusal->limit;

    (void)snprintf(penalty->limit, sizeof penalty->limit, "%s", limit->name);
    penalty->rule = limit->penalty;
    penalty->step_ms = limit_penalty_step(limit->window_ms);
    if (!set_edict(penalty, decision, limit)) {
        finish(penalty, SAID_EVERY_MS);
        return;
    }
    set_who(&penalty->order.edict, decision->config);
    set_rate(penalty, refusal);
    penalty->is_busy = true;
    if (penalty->rule.after == 0 ||
        is_banned(penalty, penalty->rule.long_ban_ms))
        order(penalty, false);
    else
        count(penalty);
}

void penalties_note(struct penalties *penalties,
    const struct decision *decision, const struct refusal *refusal)
{
    const struct event *event = &decision->event;
    const struct limit *limit = refusal->limit;
    struct subject subject;

    if (event->silent || event->is_dry || event->is_gate)
        return;
    limit_subject(
        limit->key, event, decision->service_title, limit->prefixes, &subject);
    uint64_t id = id_of(penalties, limit, &subject);
    struct penalty *penalty = place_of(penalties, id);
    if (penalty == NULL) {
        engine_metrics(penalties->engine)->bans_dropped++;
        return;
    }
    if (penalty->id == id &&
        (penalty->is_busy || clock_monotonic_ms() < penalty->quiet_until_ms))
        return;
    penalty->owner = penalties;
    penalty->id = id;
    penalty->subject = subject;
    begin(penalty, decision, refusal);
}
