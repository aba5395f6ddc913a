/*
 * edict.h - what an operator has ordered while daemons run: a ban of a
 * network, or another rate for one key of a limit.
 *
 * Pure data, of a bounded size: it is kept by every daemon and in the store.
 */
#ifndef TOLLGATE_CORE_EDICT_H
#define TOLLGATE_CORE_EDICT_H

#include "common/base/cidr.h"

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

struct edict {
    enum edict_kind kind;
    /* Its identity among those of its kind. A ban: "198.51.100.0/24". An
     * override: the limit's name, a space, and a subject as limit_subject
     * writes it, with or without its service. */
    char key[EDICT_KEY_SIZE];
    struct cidr net;    /* of a ban */
    bool is_automatic;  /* of a ban: a program has set it (fail2ban) */
    uint32_t n;         /* of an override: the limit's; 0: there is none */
    uint64_t window_ms; /* of an override; 0: the limit's own */
    uint64_t until_ms;  /* the holder's clock; over from this moment on */
    uint64_t set_ms;    /* CLOCK_REALTIME */
    char who[EDICT_WHO_SIZE];
    char reason[EDICT_REASON_SIZE];
};

/* net and key of a ban from its text, which may be any that cidr_parse takes;
 * the error is that one's. */
bool edict_set_ban(struct edict *, const char *net, struct error *err);
/* False: they do not fit. subject: NUL-terminated. */
bool edict_set_override(struct edict *, const char *limit, const char *subject);
/* The subject of an override's key. */
const char *edict_subject(const struct edict *);
/* Into who or reason: cut at their size; control bytes become spaces. */
void edict_set_text(char *field, size_t size, const char *text);

#endif
