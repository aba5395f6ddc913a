/*
 * edict.h - what an operator has ordered while daemons run: a ban of a
 * network or of a name (a login, a sender), or another rate for one key of a
 * limit.
 *
 * Pure data, of a bounded size: it is kept by every daemon and in the store.
 */
#ifndef TOLLGATE_CORE_EDICT_H
#define TOLLGATE_CORE_EDICT_H

#include "common/core/charge.h"
#include "common/core/event.h"

#include <stdbool.h>
#include <stdint.h>

enum edict_kind {
    EDICT_BAN,
    EDICT_OVERRIDE,
    EDICT_KINDS,
};

#define EDICT_KEY_SIZE    192
#define EDICT_WHO_SIZE    48
#define EDICT_REASON_SIZE 128
#define EDICT_ACTION_SIZE 160

struct edict {
    enum edict_kind kind;
    /* Its identity among those of its kind. A ban: "198.51.100.0/24", or a
     * part's word, a colon, and what limit_subject writes after its letter:
     * "sasl:bob". An override: the limit's name, a space, and a subject as
     * limit_subject writes it, with or without its service. */
    char key[EDICT_KEY_SIZE];
    enum key_part part; /* of a ban; KEY_CLIENT: of a network */
    struct cidr net;    /* of a ban of a network */
    bool is_automatic;  /* of a ban: a program has set it (fail2ban) */
    uint32_t n;         /* of an override: the limit's; 0: there is none */
    bool is_blocked;    /* of an override: nothing is let through; n is 0 */
    bool is_total;      /* of an override of a login's domain: one counter for
                           all of its logins; n is 1.. */
    uint64_t window_ms; /* of an override; 0: the limit's own */
    uint64_t until_ms;  /* the holder's clock; over from this moment on */
    uint64_t set_ms;    /* CLOCK_REALTIME */
    char who[EDICT_WHO_SIZE];
    char reason[EDICT_REASON_SIZE];
    char action[EDICT_ACTION_SIZE]; /* of a ban of a name: what is answered in
                                       the place of ban_action; "": that */
};

/* Part, net and key of a ban from its key. Of a network it may be any text that
 * cidr_parse takes; the error is that one's. */
bool edict_set_ban(struct edict *, const char *key, struct error *err);
/* The ban of a name; no part of KEY_CLIENT, KEY_CLIENT_ADDRESS, KEY_SERVICE.
 * subject: of this part alone, as limit_subject writes it. */
void edict_set_name_ban(
    struct edict *, enum key_part, const struct subject *subject);
/* What follows the word of a name's ban. */
const char *edict_name(const struct edict *);
/* False: they do not fit. subject: NUL-terminated. */
bool edict_set_override(struct edict *, const char *limit, const char *subject);
/* The subject of an override's key. */
const char *edict_subject(const struct edict *);
/* Into who, reason or action: cut at their size; control bytes become spaces.
 */
void edict_set_text(char *field, size_t size, const char *text);

#endif
