/*
 * ban.h - who may not come, and who cannot be banned.
 *
 * A network is refused before anything else that counts. A name (a login, a
 * sender, a recipient, a HELO name) is refused with the ban's own action or
 * ban_action, or held with it: then limits are asked as ever, and what they let
 * pass goes to Postfix's hold queue.
 *
 * Trusted proxies and exempt networks are infrastructure: a ban that holds one
 * of them is refused when it is asked for, and one that was there before they
 * became so is not obeyed. Their logins, and the senders and recipients they
 * name, can be banned; HELO names of theirs not.
 */
#ifndef TOLLGATE_ENGINE_BAN_H
#define TOLLGATE_ENGINE_BAN_H

#include "common/engine/engine.h"

/* False: the verdict of the decision is set, and has been logged. */
bool ban_judge(struct decision *);

/* The ban that holds this client, obeyed or not; NULL: none. */
const struct edict *ban_of(struct engine *, const struct cidr *client);
/* The ban of a name in the event, of several the one that ends last; NULL:
 * none. is_unproxied is set. */
const struct edict *ban_of_name(
    struct engine *, const struct config *, const struct event *);
/* What becomes of whom it bans by name: its own action, or ban_action; "": the
 * words of the part. */
const char *ban_action_of(const struct config *, const struct edict *);
/* Is all of this net infrastructure? */
bool ban_is_void(
    struct engine *, const struct config *, const struct cidr *client);
/* False: it overlaps infrastructure; err says with what. */
bool ban_check(struct engine *, const struct cidr *net, struct error *err);

#endif
