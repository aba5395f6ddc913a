/*
 * edict_table.c - see edict_table.h.
 *
 * One sorted array of each kind. Networks either hold one another or are
 * disjoint, and one that holds another sorts before it; so every ban that
 * holds a client is the last ban that sorts not after the client, or an
 * ancestor of that one. `outer` leads from a ban to the next wider one. Names
 * sort behind all networks, each part's together.
 */
#include "common/core/edict_table.h"

#include "common/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

struct entry {
    struct edict *edict;
    size_t outer; /* index of the narrowest ban that holds this one, or NONE */
};

struct edict_table {
    struct {
        struct entry *entries;
        size_t count, room;
    } lists[EDICT_KINDS];
    size_t linked;            /* of so many bans `outer` is right */
    size_t banned[KEY_PARTS]; /* bans of each part; of networks: KEY_CLIENT */
    size_t domains; /* overrides with a login's domain in their subject */
};

struct edict_table *edict_table_new(void)
{
    return xcalloc(1, sizeof(struct edict_table));
}

void edict_table_free(struct edict_table **table)
{
    if (*table == NULL)
        return;
    for (enum edict_kind kind = 0; kind < EDICT_KINDS; kind++) {
        for (size_t i = 0; i < (*table)->lists[kind].count; i++)
            free((*table)->lists[kind].entries[i].edict);
        free((*table)->lists[kind].entries);
    }
    free(*table);
    *table = NULL;
}

static int net_compare(const struct cidr *a, const struct cidr *b)
{
    if (a->net.family != b->net.family)
        return a->net.family < b->net.family ? -1 : 1;
    int order = memcmp(a->net.bytes, b->net.bytes, sizeof a->net.bytes);
    if (order != 0)
        return order;
    return (int)a->prefix_length - (int)b->prefix_length;
}

static int edict_compare(const struct edict *a, const struct edict *b)
{
    if (a->kind != EDICT_BAN)
        return strcmp(a->key, b->key);
    if (a->part != b->part)
        return a->part < b->part ? -1 : 1;
    return a->part == KEY_CLIENT ? net_compare(&a->net, &b->net)
                                 : strcmp(a->key, b->key);
}

/* How many of its kind sort before it or are it. */
static size_t position_of(
    const struct edict_table *table, const struct edict *wanted)
{
    const struct entry *entries = table->lists[wanted->kind].entries;
    size_t low = 0, high = table->lists[wanted->kind].count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (edict_compare(entries[middle].edict, wanted) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t edict_table_after(
    const struct edict_table *table, const struct edict *edict)
{
    return position_of(table, edict);
}

/* Its index, or NONE. */
static size_t index_of(
    const struct edict_table *table, const struct edict *wanted)
{
    size_t at = position_of(table, wanted);
    if (at == 0 ||
        edict_compare(
            table->lists[wanted->kind].entries[at - 1].edict, wanted) != 0)
        return NONE;
    return at - 1;
}

/* Of many changes in a row only the next lookup pays: 0.1 ms for all. */
static void link_bans(struct edict_table *table)
{
    struct entry *entries = table->lists[EDICT_BAN].entries;
    for (size_t i = table->linked; i < table->banned[KEY_CLIENT]; i++) {
        size_t outer = i == 0 ? NONE : i - 1;
        while (outer != NONE && !cidr_contains_net(&entries[outer].edict->net,
                                    &entries[i].edict->net))
            outer = entries[outer].outer;
        entries[i].outer = outer;
    }
    table->linked = table->banned[KEY_CLIENT];
}

static void unlink_bans(
    struct edict_table *table, enum edict_kind kind, size_t from)
{
    if (kind == EDICT_BAN && table->linked > from)
        table->linked = from;
}

/* Where the part with this letter stands in a subject; NULL: nowhere. A '|' in
 * a value is escaped. */
static const char *find_part(const char *subject, char letter)
{
    for (; subject != NULL; subject = strchr(subject, '|')) {
        subject += *subject == '|';
        if (subject[0] == letter && subject[1] == '=')
            return subject;
    }
    return NULL;
}

/* One has come, or goes. */
static void count_edict(
    struct edict_table *table, const struct edict *edict, bool has_come)
{
    size_t *count;
    if (edict->kind == EDICT_BAN)
        count = &table->banned[edict->part];
    else if (find_part(edict_subject(edict), 'U') != NULL)
        count = &table->domains;
    else
        return;
    if (has_come)
        ++*count;
    else
        --*count;
}

static void entry_insert(
    struct edict_table *table, const struct edict *edict, size_t at)
{
    size_t *count = &table->lists[edict->kind].count;
    size_t *room = &table->lists[edict->kind].room;
    struct entry **entries = &table->lists[edict->kind].entries;
    if (*count == *room) {
        *room = *room == 0 ? 16 : *room * 2;
        *entries = xrealloc(*entries, *room * sizeof **entries);
    }
    memmove(*entries + at + 1, *entries + at, (*count - at) * sizeof **entries);
    ++*count;
    (*entries)[at] =
        (struct entry){.edict = xcalloc(1, sizeof *edict), .outer = NONE};
    *(*entries)[at].edict = *edict;
    count_edict(table, edict, true);
    unlink_bans(table, edict->kind, at);
}

static bool is_full(const struct edict_table *table)
{
    size_t count = 0;
    for (enum edict_kind kind = 0; kind < EDICT_KINDS; kind++)
        count += table->lists[kind].count;
    return count >= EDICTS_MAX;
}

static void remove_at(
    struct edict_table *table, enum edict_kind kind, size_t at)
{
    struct entry *entries = table->lists[kind].entries;
    count_edict(table, entries[at].edict, false);
    free(entries[at].edict);
    memmove(entries + at, entries + at + 1,
        (--table->lists[kind].count - at) * sizeof *entries);
    unlink_bans(table, kind, at);
}

bool edict_table_make_room(struct edict_table *table, const struct edict *edict)
{
    const struct entry *bans = table->lists[EDICT_BAN].entries;
    size_t first = NONE;
    if (!is_full(table) || index_of(table, edict) != NONE)
        return true;
    for (size_t i = 0; i < table->lists[EDICT_BAN].count; i++)
        if (bans[i].edict->is_automatic &&
            (first == NONE ||
                bans[i].edict->until_ms < bans[first].edict->until_ms))
            first = i;
    if (first == NONE)
        return false;
    remove_at(table, EDICT_BAN, first);
    return true;
}

bool edict_table_is_persons(
    const struct edict_table *table, const struct edict *edict, uint64_t now_ms)
{
    size_t at = edict->is_automatic ? index_of(table, edict) : NONE;
    if (at == NONE)
        return false;
    const struct edict *there = table->lists[edict->kind].entries[at].edict;
    return !there->is_automatic && there->until_ms > now_ms;
}

bool edict_table_lives(const struct edict_table *table,
    const struct edict *edict, uint64_t life_ms, uint64_t now_ms,
    uint64_t wall_ms)
{
    size_t at = index_of(table, edict);
    if (at == NONE)
        return false;
    const struct edict *there = table->lists[edict->kind].entries[at].edict;
    if (there->until_ms <= now_ms)
        return false;
    uint64_t age_ms = wall_ms > there->set_ms ? wall_ms - there->set_ms : 0;
    return there->until_ms - now_ms + age_ms >= life_ms - life_ms / 16;
}

void edict_table_put(struct edict_table *table, const struct edict *edict)
{
    size_t at = index_of(table, edict);
    if (at == NONE)
        entry_insert(table, edict, position_of(table, edict));
    else
        *table->lists[edict->kind].entries[at].edict = *edict;
}

static size_t find_index(
    const struct edict_table *table, enum edict_kind kind, const char *key)
{
    struct edict wanted;
    struct error err;
    if (kind == EDICT_BAN)
        return edict_set_ban(&wanted, key, &err) ? index_of(table, &wanted)
                                                 : NONE;
    wanted.kind = kind;
    size_t len = strnlen(key, sizeof wanted.key - 1);
    memcpy(wanted.key, key, len);
    wanted.key[len] = '\0';
    return index_of(table, &wanted);
}

bool edict_table_remove(
    struct edict_table *table, enum edict_kind kind, const char *key)
{
    size_t at = find_index(table, kind, key);
    if (at == NONE)
        return false;
    remove_at(table, kind, at);
    return true;
}

void edict_table_expire(struct edict_table *table, uint64_t now_ms)
{
    for (enum edict_kind kind = 0; kind < EDICT_KINDS; kind++) {
        struct entry *entries = table->lists[kind].entries;
        size_t kept = 0, count = table->lists[kind].count;
        for (size_t i = 0; i < count; i++) {
            if (entries[i].edict->until_ms > now_ms) {
                entries[kept++] = entries[i];
                continue;
            }
            count_edict(table, entries[i].edict, false);
            free(entries[i].edict);
        }
        table->lists[kind].count = kept;
        if (kept < count)
            unlink_bans(table, kind, 0);
    }
}

size_t edict_table_count(const struct edict_table *table, enum edict_kind kind)
{
    return table->lists[kind].count;
}

const struct edict *edict_table_at(
    const struct edict_table *table, enum edict_kind kind, size_t index)
{
    return index < table->lists[kind].count
               ? table->lists[kind].entries[index].edict
               : NULL;
}

const struct edict *edict_table_find(
    const struct edict_table *table, enum edict_kind kind, const char *key)
{
    size_t at = find_index(table, kind, key);
    return at == NONE ? NULL : table->lists[kind].entries[at].edict;
}

const struct edict *edict_table_ban(
    struct edict_table *table, const struct cidr *client, uint64_t now_ms)
{
    const struct entry *entries = table->lists[EDICT_BAN].entries;
    const struct edict *last = NULL;
    struct edict wanted = {.kind = EDICT_BAN, .net = *client};
    size_t at;
    if (table->banned[KEY_CLIENT] == 0)
        return NULL;
    link_bans(table);
    at = position_of(table, &wanted);
    for (at = at == 0 ? NONE : at - 1; at != NONE; at = entries[at].outer) {
        const struct edict *ban = entries[at].edict;
        if (ban->until_ms > now_ms && cidr_contains_net(&ban->net, client) &&
            (last == NULL || ban->until_ms > last->until_ms))
            last = ban;
    }
    return last;
}

unsigned edict_table_banned(const struct edict_table *table)
{
    unsigned parts = 0;
    if (table->lists[EDICT_BAN].count == 0)
        return 0;
    for (unsigned part = 0; part < KEY_PARTS; part++)
        if (table->banned[part] > 0)
            parts |= 1u << part;
    return parts;
}

const struct edict *edict_table_name_ban(const struct edict_table *table,
    enum key_part part, const struct subject *subject, uint64_t now_ms)
{
    struct edict wanted;
    edict_set_name_ban(&wanted, part, subject);
    size_t at = index_of(table, &wanted);
    if (at == NONE)
        return NULL;
    const struct edict *found = table->lists[EDICT_BAN].entries[at].edict;
    return found->until_ms > now_ms ? found : NULL;
}

static const struct edict *find_override(const struct edict_table *table,
    const char *limit, const char *subject, uint64_t now_ms)
{
    struct edict wanted;
    if (!edict_set_override(&wanted, limit, subject))
        return NULL;
    size_t at = index_of(table, &wanted);
    if (at == NONE)
        return NULL;
    const struct edict *found = table->lists[EDICT_OVERRIDE].entries[at].edict;
    return found->until_ms > now_ms ? found : NULL;
}

/* With or without its service. */
static const struct edict *find_either(const struct edict_table *table,
    const char *limit, const char *subject, uint64_t now_ms)
{
    const struct edict *found;
    found = find_override(table, limit, subject, now_ms);
    if (found != NULL || strncmp(subject, "s=", 2) != 0)
        return found;
    subject = strchr(subject, '|');
    return subject == NULL ? NULL
                           : find_override(table, limit, subject + 1, now_ms);
}

bool edict_subject_of_domain(const char *subject, struct subject *domain_r)
{
    const char *login = find_part(subject, 'u');
    if (login == NULL || strlen(subject) >= SUBJECT_SIZE ||
        strchr(subject, '#') != NULL)
        return false;
    size_t login_len = strcspn(login, "|"), before = (size_t)(login - subject);
    const char *end = login + login_len, *from = end;
    while (from > login && from[-1] != '@')
        from--;
    if (from == login || from == end)
        return false;
    int len = snprintf(domain_r->text, sizeof domain_r->text, "%.*sU=%s",
        (int)before, subject, from);
    domain_r->len = (uint8_t)len; /* shorter than the subject */
    return true;
}

const struct edict *edict_table_override(const struct edict_table *table,
    const char *limit, const char *subject, uint64_t now_ms)
{
    struct subject domain;
    if (table->lists[EDICT_OVERRIDE].count == 0)
        return NULL;
    const struct edict *found = find_either(table, limit, subject, now_ms);
    if (found != NULL || table->domains == 0 ||
        !edict_subject_of_domain(subject, &domain))
        return found;
    return find_either(table, limit, domain.text, now_ms);
}
