/*
 * tops.c - see tops.h.
 *
 * The key in a list is not text but what the event has, because text would
 * cost more than all the rest: 'c' and the client's net, or 'u' and the user.
 * A refusal by a limit of neither is noted with its key as text, after 'k';
 * one by a limit with prefix lengths of its own with the net that it counts.
 * A decision makes each of them once, for all lists it belongs in.
 */
#include "common/engine/tops.h"

#include "common/base/alloc.h"
#include "common/engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX  20 /* of a list that is written */
#define MARKS_MAX 64 /* limits and reasons; the last is all others */

#define CLIENT_PARTS (1u << KEY_CLIENT | 1u << KEY_CLIENT_ADDRESS)
#define USER_PARTS   (1u << KEY_SASL_USERNAME)

struct tops {
    struct hash_key hash_key;
    uint64_t began_ms[2];
    char marks[MARKS_MAX][TOP_BY_SIZE]; /* what refused, by heavy's marks */
    size_t mark_count;                  /* the first is no mark's */
    size_t current;                     /* which of the two minutes */
    struct heavy *lists[2][FACES][EVENT_KINDS]; /* NULL: nothing came */
};

struct client_key {
    char letter;
    uint8_t family, prefix_length;
    uint8_t bytes[16]; /* of an IPv4 address four belong to the key */
};

#define IPV4_KEY_LEN (offsetof(struct client_key, bytes) + 4)

struct tops *tops_new(void)
{
    struct tops *tops = xcalloc(1, sizeof *tops);

    hash_key_init(&tops->hash_key);
    tops->mark_count = 1;
    return tops;
}

void tops_free(struct tops **tops)
{
    if (*tops == NULL)
        return;
    for (size_t i = 0; i < 2 * FACES * EVENT_KINDS; i++)
        free((*tops)->lists[i / (FACES * EVENT_KINDS)][i / EVENT_KINDS % FACES]
                           [i % EVENT_KINDS]);
    free(*tops);
    *tops = NULL;
}

static void clear_minute(struct tops *tops, size_t minute, uint64_t now_ms)
{
    for (size_t face = 0; face < FACES; face++)
        for (size_t kind = 0; kind < EVENT_KINDS; kind++)
            if (tops->lists[minute][face][kind] != NULL)
                heavy_clear(tops->lists[minute][face][kind]);
    tops->began_ms[minute] = now_ms;
}

/* The minute that is current now. */
static void turn(struct tops *tops, uint64_t now_ms)
{
    uint64_t began_ms = tops->began_ms[tops->current];
    /* Decisions go by the last tick: somebody with the exact time may have
     * been here since. */
    uint64_t age_ms = now_ms > began_ms ? now_ms - began_ms : 0;

    if (began_ms == 0) {
        tops->began_ms[0] = tops->began_ms[1] = now_ms;
        return;
    }
    if (age_ms < TOPS_MINUTE_MS)
        return;
    if (age_ms >= 2 * TOPS_MINUTE_MS)
        clear_minute(tops, tops->current, now_ms);
    tops->current = 1 - tops->current;
    clear_minute(tops, tops->current, now_ms);
}

static struct heavy *list_of(
    struct tops *tops, enum face face, enum event_kind kind)
{
    struct heavy **list = &tops->lists[tops->current][face][kind];

    if (*list == NULL)
        *list = xcalloc(1, sizeof **list);
    return *list;
}

/* len 0: it is not known who comes. */
static struct heavy_key client_key(const struct tops *tops,
    const struct decision *decision, struct limit_prefixes prefixes,
    struct client_key *bytes)
{
    struct cidr net = limit_client_net(&decision->event.client, prefixes);
    size_t len = net.net.family == ADDRESS_IPV4 ? IPV4_KEY_LEN : sizeof *bytes;

    if (net.net.family == ADDRESS_NONE)
        return (struct heavy_key){.len = 0};
    *bytes = (struct client_key){.letter = 'c',
        .family = net.net.family,
        .prefix_length = net.prefix_length};
    memcpy(bytes->bytes, net.net.bytes, sizeof bytes->bytes);
    return heavy_key_of(&tops->hash_key, bytes, len);
}

static struct heavy_key user_key(const struct tops *tops,
    const struct decision *decision, char bytes[HEAVY_KEY_SIZE])
{
    const char *user = decision->event.sasl_username;
    size_t len = strnlen(user, HEAVY_KEY_SIZE - 2);

    if (len == 0)
        return (struct heavy_key){.len = 0};
    bytes[0] = 'u';
    memcpy(bytes + 1, user, len);
    return heavy_key_of(&tops->hash_key, bytes, 1 + len);
}

/* NULL: nothing does. */
static const char *what_refuses(const struct decision *decision)
{
    const struct verdict *verdict = &decision->verdict;

    if (decision->postfix_limit > 0)
        return "main.cf";
    if (verdict->kind == VERDICT_PASS)
        return NULL;
    return verdict->limit != NULL ? verdict->limit->name
                                  : verdict_reason_name(verdict->reason);
}

/* 0: the verdict passes. Kept over reloads. */
static uint8_t mark_of(struct tops *tops, const struct decision *decision)
{
    const char *name = what_refuses(decision);
    size_t mark = 1;

    if (name == NULL)
        return 0;
    while (mark < tops->mark_count &&
           strncmp(tops->marks[mark], name, TOP_BY_SIZE - 1) != 0)
        mark++;
    if (mark == MARKS_MAX)
        return MARKS_MAX - 1;
    if (mark == tops->mark_count) {
        tops->mark_count++;
        (void)snprintf(tops->marks[mark], TOP_BY_SIZE, "%s",
            mark < MARKS_MAX - 1 ? name : "others");
    }
    return (uint8_t)mark;
}

/* A limit with lengths of its own has refused a net that is not the client's
 * row. */
static bool is_net_of_limit(const struct decision *decision)
{
    const struct limit *limit = decision->verdict.limit;
    const struct cidr *client = &decision->event.client;

    return decision->verdict.kind != VERDICT_PASS && limit != NULL &&
           (limit->key & 1u << KEY_CLIENT) != 0 &&
           limit_client_net(client, limit->prefixes).prefix_length !=
               limit_client_net(client, decision->config->prefixes)
                   .prefix_length;
}

/* Whose counter refused: of a limit by another key neither the client nor the
 * login, for others may have filled it. */
static bool is_to_blame(const struct verdict *verdict, uint16_t parts)
{
    return verdict_key(verdict) == 0 || (verdict_key(verdict) & parts) != 0;
}

/* Whose counter it is that is nobody's of the two; len 0: nobody's. */
static struct heavy_key other_key(const struct tops *tops,
    const struct decision *decision, char bytes[1 + LIMIT_KEY_TEXT_SIZE])
{
    uint16_t key = verdict_key(&decision->verdict);

    if (key == 0 || (key & (CLIENT_PARTS | USER_PARTS)) != 0 ||
        decision->verdict.kind == VERDICT_PASS)
        return (struct heavy_key){.len = 0};
    bytes[0] = 'k';
    limit_key_text(key, &decision->event, decision->service_title,
        decision->config->prefixes, bytes + 1);
    return heavy_key_of(&tops->hash_key, bytes, strlen(bytes));
}

/* A forger's claim says nothing about whom he names. */
static bool is_worth_noting(const struct decision *decision)
{
    switch (decision->verdict.reason) {
    case REASON_UNTRUSTED:
    case REASON_UNPROVEN:
    case REASON_UNPROXIED:
        return false;
    default:
        return !decision->event.is_dry &&
               (!decision->event.peek ||
                   (decision->event.is_gate &&
                       decision->verdict.kind != VERDICT_PASS));
    }
}

void tops_note(
    struct tops *tops, const struct decision *decision, uint64_t now_ms)
{
    const struct event *event = &decision->event;
    const struct verdict *verdict = &decision->verdict;
    struct client_key client_bytes, net_bytes;
    char user_bytes[HEAVY_KEY_SIZE], other_bytes[1 + LIMIT_KEY_TEXT_SIZE];

    if (!is_worth_noting(decision))
        return;
    turn(tops, now_ms);
    struct heavy_key client =
        client_key(tops, decision, decision->config->prefixes, &client_bytes);
    struct heavy_key user = user_key(tops, decision, user_bytes);
    bool is_net = is_net_of_limit(decision);
    struct heavy_key other = is_net ? client_key(tops, decision,
                                          verdict->limit->prefixes, &net_bytes)
                                    : other_key(tops, decision, other_bytes);
    uint8_t mark = mark_of(tops, decision);
    uint8_t client_mark =
        is_to_blame(verdict, CLIENT_PARTS) && !is_net ? mark : 0;
    uint8_t user_mark = is_to_blame(verdict, USER_PARTS) ? mark : 0;
    for (enum event_kind kind = 0; kind < EVENT_DISTINCT_FIRST; kind++) {
        uint32_t amount = event->amount[kind];
        if (amount == 0)
            continue;
        struct heavy *list = list_of(tops, event->face, kind);
        if (client.len > 0)
            heavy_note(list, &client, amount, client_mark);
        if (user.len > 0)
            heavy_note(list, &user, amount, user_mark);
        if (other.len > 0)
            heavy_note(list, &other, amount, mark);
    }
}

static void format_key(const struct heavy_slot *slot, char text[TOP_KEY_SIZE])
{
    struct client_key key = {.letter = 'c'};

    if (slot->key[0] == 'u') {
        (void)snprintf(text, TOP_KEY_SIZE, "sasl:%.*s", slot->key_len - 1,
            (const char *)slot->key + 1);
        return;
    }
    if (slot->key[0] == 'k') {
        (void)snprintf(text, TOP_KEY_SIZE, "%.*s", slot->key_len - 1,
            (const char *)slot->key + 1);
        return;
    }
    memcpy(&key, slot->key, slot->key_len);
    struct cidr net = {
        .net = {.family = key.family}, .prefix_length = key.prefix_length};
    memcpy(net.net.bytes, key.bytes, sizeof key.bytes);
    if (net.prefix_length == address_bits(&net.net))
        address_format(&net.net, text);
    else
        cidr_format(&net, text);
}

void tops_read(struct tops *tops, struct top_lists *lists, uint64_t now_ms)
{
    turn(tops, now_ms);
    for (size_t minute = 0; minute < 2; minute++)
        for (size_t face = 0; face < FACES; face++)
            for (size_t kind = 0; kind < EVENT_KINDS; kind++) {
                const struct heavy *list = tops->lists[minute][face][kind];
                if (list != NULL && list->used > 0)
                    top_list_heavy(&lists->of[face][kind], list,
                        now_ms - tops->began_ms[1 - tops->current], tops->marks,
                        format_key);
            }
}

static size_t count_lists(const struct top_lists *lists)
{
    size_t count = 0;

    for (size_t face = 0; face < FACES; face++)
        for (size_t kind = 0; kind < EVENT_KINDS; kind++)
            count += lists->of[face][kind].count > 0 ? 1 : 0;
    return count;
}

size_t tops_write(struct tops *tops, char *text, size_t size, uint64_t now_ms)
{
    struct top_lists *lists = xcalloc(1, sizeof *lists);
    size_t used = 0;

    tops_read(tops, lists, now_ms);
    size_t left = count_lists(lists);
    for (unsigned face = 0; face < FACES; face++)
        for (unsigned kind = 0; kind < EVENT_KINDS; kind++) {
            struct top_list *list = &lists->of[face][kind];
            if (list->count == 0)
                continue;
            top_list_settle(list, ROWS_MAX);
            used += top_list_write(list, (enum face)face, (enum event_kind)kind,
                text + used, (size - used) / left--);
        }
    top_lists_clear(lists);
    free(lists);
    return used;
}
