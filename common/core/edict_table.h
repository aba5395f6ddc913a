/*
 * edict_table.h - all edicts that a daemon knows, found without a search
 * through them.
 *
 * Pure; the clock is an argument. Lookups are one binary search, and nothing
 * while there is no edict of the kind. Changes cost more and are few: they
 * come from people, or in pages from the store.
 */
#ifndef TOLLGATE_CORE_EDICT_TABLE_H
#define TOLLGATE_CORE_EDICT_TABLE_H

#include "common/core/edict.h"

#include <stddef.h>

#define EDICTS_MAX 10000 /* of all kinds together */

struct edict_table;

/* Empty. */
struct edict_table *edict_table_new(void);
/* Frees all edicts. */
void edict_table_free(struct edict_table **);

/* Is there one with its key already, or fewer than EDICTS_MAX of all? If not,
 * the automatic ban that ends first is forgotten; false: there is none. */
bool edict_table_make_room(struct edict_table *, const struct edict *);
/* Would an automatic ban take the place, or lift the ban, of a person? */
bool edict_table_is_persons(
    const struct edict_table *, const struct edict *, uint64_t now_ms);
/* Is there one with its key that is not over, and whose whole life, from
 * set_ms on, is as long? By a sixteenth less will do: of one that came from the
 * store both ends were taken over from other clocks. */
bool edict_table_lives(const struct edict_table *, const struct edict *,
    uint64_t life_ms, uint64_t now_ms, uint64_t wall_ms);
/* Copies it; takes the place of the one with its key. */
void edict_table_put(struct edict_table *, const struct edict *);
/* False: there was none. */
bool edict_table_remove(struct edict_table *, enum edict_kind, const char *key);
/* Forgets those that are over at now_ms. */
void edict_table_expire(struct edict_table *, uint64_t now_ms);

/* Those that are over, but not yet forgotten, included. */
size_t edict_table_count(const struct edict_table *, enum edict_kind);
/* Bans in the order of networks, then of names; others in that of keys. NULL
 * past the end. Valid until the next change. */
const struct edict *edict_table_at(
    const struct edict_table *, enum edict_kind, size_t index);
/* The index of the first of its kind that sorts behind this one, which may be
 * gone: where a walk goes on. */
size_t edict_table_after(const struct edict_table *, const struct edict *);
const struct edict *edict_table_find(
    const struct edict_table *, enum edict_kind, const char *key);

/* Of which parts there are bans, over or not; bits: 1u << enum key_part, the
 * one of KEY_CLIENT for networks. */
unsigned edict_table_banned(const struct edict_table *);
/* Of the bans that hold all of this net the one that ends last; NULL: none. */
const struct edict *edict_table_ban(
    struct edict_table *, const struct cidr *client, uint64_t now_ms);
/* The ban of a name: subject is that of this part alone. NULL: none. */
const struct edict *edict_table_name_ban(const struct edict_table *,
    enum key_part, const struct subject *, uint64_t now_ms);
/* The override of this limit for a subject: for all of it, else for what
 * follows its service; else the same of its login's domain ("U=example.com"
 * in the place of "u=bob@example.com"). NULL: none. */
const struct edict *edict_table_override(const struct edict_table *,
    const char *limit, const char *subject, uint64_t now_ms);

/*
 * The subject of the domain of its login, len included: "u=bob@example.com|t=x"
 * to "U=example.com|t=x". False: there is no login in it, or none with a
 * domain; one that does not fit ends in a hash and says nothing of its parts.
 */
bool edict_subject_of_domain(const char *subject, struct subject *domain_r);

#endif
