/*
 * override.h - an override as a person writes it: a limit, a key, a rate.
 *
 * Pure but for the configuration that names the limits.
 */
#ifndef TOLLGATE_ENGINE_OVERRIDE_H
#define TOLLGATE_ENGINE_OVERRIDE_H

#include "common/config/config.h"
#include "common/core/edict.h"

/* By its title, or the client_* option's name; NULL: err says which there
 * are. */
const struct limit *override_find_limit(
    const struct config *, const char *name, struct error *err);

/*
 * The key of the edict. text: parts as counter_key_parse takes them, "sasl:bob"
 * or "sasl=bob", one for each part of the limit's key, with commas between
 * them; "service:TITLE" may be left out, and means all of them then. For
 * sasl_username there may be a domain, "sasl:@example.com": then each of its
 * logins that has no override of its own has this one.
 */
bool override_set_key(struct edict *, const struct config *,
    const struct limit *, const char *text, struct error *err);

/*
 * Can a request have this key, and the limit count it then? To be asked before
 * an override is set, not before it is lifted. text: one that override_set_key
 * has taken. False: err says why not, and what would be right.
 */
bool override_may_apply(const struct config *, const struct limit *,
    const char *text, struct error *err);

/* Of a domain's logins together. False: it is no override for such a domain, or
 * has no number; err says which. After the key and the rate are set. */
bool override_set_total(
    struct edict *, const struct limit *, struct error *err);

/*
 * "500" (per the limit's own window), "500/1h", "none": no limit, or "0":
 * nothing is let through.
 */
bool override_set_rate(
    struct edict *, const struct limit *, const char *text, struct error *err);

#endif
