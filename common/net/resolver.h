/*
 * resolver.h - addresses of names, as getaddrinfo(3) has them, without waiting.
 *
 * A process of our own asks (resolver_child.c), so that nsswitch.conf, hosts,
 * resolv.conf, EDNS0 and TCP are as the system has them, each as it is at the
 * time of the question. Both families are of one full name. A name with a dot
 * is absolute. One without is searched for as the system does; from then on the
 * full name that answered is asked alone, for as long as resolv.conf still
 * leads to it: a name of a later domain never takes its place.
 *
 * A question ends within RESOLVER_LIFE_S and a few seconds, whatever becomes
 * of the process: one that ends or hangs is replaced, with a line in the log.
 */
#ifndef TOLLGATE_NET_RESOLVER_H
#define TOLLGATE_NET_RESOLVER_H

#include "common/net/resolver_wire.h"

#include <sys/queue.h>

struct event_base;
struct resolver;

/* Beside the errors EAI_... of getaddrinfo, which are negative. */
enum resolver_trouble {
    RESOLVER_LATE = 1, /* no answer within a question's life */
    RESOLVER_DIED,     /* the process, or the question's worker */
    RESOLVER_BUSY,     /* no process can be started */
    RESOLVER_TOO_MANY, /* more than RESOLVER_ADDRESSES_MAX addresses */
    RESOLVER_MOVED,    /* another question has found another full name */
};

/* A status: is it the answer that there is no such address? Everything but
 * that and 0 is a failure, and no answer. */
bool resolver_is_none(int status);
/* A status but 0, for the log. */
const char *resolver_why(int status);

/* Owned by the caller; in use until on_end or resolver_cancel. */
struct resolver_call {
    const char *name; /* borrowed for as long; shorter than
                         RESOLVER_NAME_SIZE - 1 */
    /* Before on_end, once for each family that has an address. All of it is
     * borrowed. May cancel the call. */
    void (*on_addresses)(
        struct resolver_call *, const struct resolver_reply *addresses);
    /* Once, never before resolver_ask has returned. status and full of end
     * count. The call is free to be used again. */
    void (*on_end)(struct resolver_call *, const struct resolver_reply *end);
    void *context;

    /* The resolver's. */
    TAILQ_ENTRY(resolver_call) entry;
    struct resolver *resolver; /* NULL while idle */
    uint64_t asked_ms;
    uint32_t number;
    unsigned generation; /* of the full name that was known then */
    bool is_moved;
};

/*
 * Forks the process, which shows title in ps(1) in the place of argv; argv
 * NULL: it shows the program's own. To be called before anything is read or
 * opened that the process shall not have: it keeps no descriptor, but the
 * memory as it is. It waits until resolver_use. A fork that fails is tried
 * again then.
 */
struct resolver *resolver_new(char **argv, const char *title);
/* From now on it works in this loop, with the rights of this process, which
 * has dropped all that it will drop. */
void resolver_use(struct resolver *, struct event_base *);
/*
 * For a successor: which full name answered for each name without a dot, a
 * text without line ends; the caller frees. The other one takes such a text,
 * before the first question; NULL: there is none. What is malformed is left
 * out.
 */
char *resolver_remembered(const struct resolver *);
void resolver_remember(struct resolver *, const char *text);
/* Kills the process. Calls under way must have been cancelled. */
void resolver_free(struct resolver **);

/* False, and no callback: it is being replaced, or has too many questions;
 * ask again later. */
bool resolver_ask(struct resolver *, struct resolver_call *);
/* No callback any more; of an idle call: nothing to do. */
void resolver_cancel(struct resolver_call *);

#endif
