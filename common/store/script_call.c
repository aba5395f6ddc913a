/*
 * script_call.c - arguments out, results in.
 *
 * Keys are PREFIX:{SUBJECT}kNAME: the braces put all counters of one subject
 * on one node of a cluster, and k is the kind, because a limit whose window
 * changes must not find values of another type under its name.
 */
#include "common/store/script_call.h"

#include "common/base/decimal.h"
#include "common/core/distinct.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <string.h>

static const char kind_letters[] = {
    [CHARGE_SLIDING] = 's',
    [CHARGE_FIXED] = 'f',
    [CHARGE_LEASE] = 'l',
    [CHARGE_DISTINCT] = 'd',
    [CHARGE_DISTINCT_FIXED] = 'e',
};

static void call_put(
    struct script_call *call, int at, const char *text, size_t len)
{
    call->argv[at] = text;
    call->argv_len[at] = len;
}

static void call_put_number(struct script_call *call, int at, uint64_t value)
{
    char *out = call->text + call->used;
    size_t len = decimal_write(out, value);
    call->used += len;
    call_put(call, at, out, len);
}

static char *append(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    return out + len;
}

static char *append_prefix(char *out, const struct script_holder *holder)
{
    out =
        append(out, holder->prefix, strnlen(holder->prefix, SCRIPT_PREFIX_MAX));
    return append(out, ":{", 2);
}

/* A subject never begins with "n|", so no counter has this key. */
size_t script_note_key(const struct script_holder *holder, const char *note,
    char out[SCRIPT_KEY_SIZE])
{
    char *end = append_prefix(out, holder);
    end = append(end, "n|", 2);
    end = append(end, note, strnlen(note, SCRIPT_NAME_MAX));
    *end++ = '}';
    *end = '\0';
    return (size_t)(end - out);
}

/* Nor is any subject "control". */
size_t script_control_key(
    const struct script_holder *holder, char letter, char out[SCRIPT_KEY_SIZE])
{
    static const char control[] = "control}";
    char *end = append_prefix(out, holder);
    end = append(end, control, sizeof control - 1);
    *end++ = letter;
    return (size_t)(end - out);
}

size_t script_counter_key(const struct script_holder *holder,
    enum charge_kind kind, const struct subject *subject, const char *name,
    char out[SCRIPT_KEY_SIZE])
{
    char *end = append_prefix(out, holder);
    end = append(end, subject->text, subject->len);
    *end++ = '}';
    *end++ = kind_letters[kind];
    end = append(end, name, strnlen(name, SCRIPT_NAME_MAX));
    return (size_t)(end - out);
}

static void call_put_key(struct script_call *call, int at,
    enum charge_kind kind, const struct subject *subject, const char *name)
{
    char *start = call->text + call->used;
    size_t len = script_counter_key(call->holder, kind, subject, name, start);
    call->used += len;
    call_put(call, at, start, len);
}

void script_call_begin(struct script_call *call,
    const struct script_holder *holder, const char *sha, size_t limits,
    enum script_mode mode)
{
    assert(limits > 0 && limits <= SCRIPT_LIMITS_MAX);
    call->holder = holder;
    call->limits = limits;
    call->limits_added = 0;
    call->used = 0;
    call->argc = (int)(4 + 5 * limits);
    call->mode[0] = (char)mode;
    call_put(call, 0, "EVALSHA", 7);
    call_put(call, 1, sha, strlen(sha));
    call_put(call, 2, call->count, decimal_write(call->count, limits));
    call_put(call, (int)(3 + limits), call->mode, 1 + limits);
}

/* The key and the mode's letter; returns where the four arguments begin. */
static int call_add_key(struct script_call *call, enum charge_kind kind,
    bool shadow, const struct subject *subject, const char *name)
{
    size_t index = call->limits_added++;
    assert(index < call->limits);
    char letter = kind_letters[kind];
    call_put_key(call, (int)(3 + index), kind, subject, name);
    call->mode[1 + index] = (char)(shadow ? letter - 'a' + 'A' : letter);
    return (int)(4 + call->limits + 4 * index);
}

static void call_put_lease(
    struct script_call *call, int at, uint32_t limit, uint32_t mine)
{
    call_put_number(call, at, limit);
    call_put_number(call, at + 1, call->holder->lease_ttl_ms);
    call_put_number(call, at + 2, mine);
    call_put(call, at + 3, (const char *)call->holder->id, SCRIPT_ID_SIZE);
}

/* Of a sliding key. */
static uint64_t life_of(uint64_t window_ms)
{
    return window_ms + (window_ms + 15) / 16 + 1000;
}

static uint64_t distinct_life_of(uint64_t window_ms)
{
    uint64_t part_ms = (window_ms + DISTINCT_PARTS - 1) / DISTINCT_PARTS;

    return (DISTINCT_PARTS + 1) * part_ms + 1000;
}

void script_call_add(
    struct script_call *call, const struct charge *charge, uint32_t mine)
{
    int at = call_add_key(
        call, charge->kind, charge->shadow, charge->subject, charge->name);
    uint64_t window_ms = charge->window_ms;
    switch (charge->kind) {
    case CHARGE_SLIDING:
        call_put_number(call, at, charge->limit);
        call_put_number(call, at + 1, window_ms);
        call_put_number(call, at + 2, charge->amount);
        call_put_number(call, at + 3, life_of(window_ms));
        break;
    case CHARGE_FIXED:
        call_put_number(call, at, charge->limit);
        call_put_number(call, at + 1, (window_ms + 999) / 1000);
        call_put_number(call, at + 2, charge->amount);
        call_put_number(call, at + 3, charge->field);
        break;
    case CHARGE_DISTINCT:
    case CHARGE_DISTINCT_FIXED:
        call_put_number(call, at, charge->limit);
        call_put_number(call, at + 1, window_ms);
        call_put_number(call, at + 2, charge->value);
        call_put_number(call, at + 3,
            charge->kind == CHARGE_DISTINCT ? distinct_life_of(window_ms)
                                            : window_ms + 1000);
        break;
    case CHARGE_LEASE:
        call_put_lease(call, at, charge->limit, mine);
        break;
    }
}

void script_call_add_refund(
    struct script_call *call, const struct charge *charge, uint64_t charged_ms)
{
    int at = call_add_key(
        call, CHARGE_SLIDING, false, charge->subject, charge->name);
    call_put_number(call, at, charged_ms);
    call_put_number(call, at + 1, charge->window_ms);
    call_put_number(call, at + 2, charge->amount);
    call_put_number(call, at + 3, life_of(charge->window_ms));
}

void script_call_add_lease(struct script_call *call,
    const struct subject *subject, const char *name, uint32_t mine)
{
    int at = call_add_key(call, CHARGE_LEASE, false, subject, name);
    call_put_lease(call, at, 0, mine);
}

static bool reply_is_number(const redisReply *reply, long long min)
{
    return reply->type == REDIS_REPLY_INTEGER && reply->integer >= min;
}

/* An array of numbers: used in the even places, retry in the odd ones if
 * there are pairs. */
static bool reply_is_numbers(const redisReply *reply, bool is_pairs)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < reply->elements; i++)
        if (!reply_is_number(
                reply->element[i], is_pairs && i % 2 == 1 ? CHARGE_NEVER : 0))
            return false;
    return true;
}

static void charge_set(struct charge *charge, long long used, long long retry)
{
    charge->used = used > UINT32_MAX ? UINT32_MAX : (uint32_t)used;
    charge->retry_ms = retry;
    charge->refused = retry != 0;
}

bool script_reply_read(
    const redisReply *reply, struct charge *charges, size_t count, bool peek)
{
    if (count == 1 && !peek && reply_is_number(reply, 0)) {
        charge_set(charges, reply->integer, 0);
        return true;
    }
    bool is_pairs = reply->elements == 2 * count;
    if (!reply_is_numbers(reply, is_pairs))
        return false;
    if (!is_pairs && (peek || count == 1 || reply->elements != count))
        return false;
    size_t step = is_pairs ? 2 : 1;
    for (size_t i = 0; i < count; i++)
        charge_set(&charges[i], reply->element[i * step]->integer,
            is_pairs ? reply->element[i * step + 1]->integer : 0);
    return true;
}

bool script_reply_read_receipt(const redisReply *reply, struct charge *charges,
    size_t count, uint64_t *charged_ms_r)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 * count + 1)
        return false;
    const redisReply *moment = reply->element[2 * count];
    redisReply pairs = *reply;
    pairs.elements = 2 * count;
    if (!reply_is_number(moment, 0) ||
        !script_reply_read(&pairs, charges, count, true))
        return false;
    *charged_ms_r = (uint64_t)moment->integer;
    return true;
}

bool script_reply_read_leases(
    const redisReply *reply, size_t count, uint32_t *used_r)
{
    struct charge charges[SCRIPT_LIMITS_MAX];
    assert(count <= SCRIPT_LIMITS_MAX);
    if (!script_reply_read(reply, charges, count, false))
        return false;
    for (size_t i = 0; i < count; i++)
        used_r[i] = charges[i].used;
    return true;
}

bool charges_pass(const struct charge *charges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (charges[i].refused && !charges[i].shadow)
            return false;
    return true;
}

enum script_error script_error_of(const char *text)
{
    static const struct {
        const char *code;
        enum script_error error;
    } codes[] = {
        {"NOSCRIPT", SCRIPT_ERROR_MISSING},
        {"WRONGTYPE", SCRIPT_ERROR_REQUEST},
        {"ERR", SCRIPT_ERROR_REQUEST},
        {"MOVED", SCRIPT_ERROR_ELSEWHERE},
        {"ASK", SCRIPT_ERROR_ELSEWHERE},
        {"TRYAGAIN", SCRIPT_ERROR_DIVIDED},
        {"READONLY", SCRIPT_ERROR_MOVED_ON},
        {"NOAUTH", SCRIPT_ERROR_MOVED_ON},
    };
    size_t len = strcspn(text, " ");
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strlen(codes[i].code) == len &&
            memcmp(codes[i].code, text, len) == 0)
            return codes[i].error;
    return SCRIPT_ERROR_SERVER;
}
