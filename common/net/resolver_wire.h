/*
 * resolver_wire.h - what the daemon and its resolver process say to each other.
 *
 * Messages of a SOCK_SEQPACKET pair, so that each is read whole or not at all,
 * between two halves of one program: the structures themselves are sent.
 *
 *   daemon:   identity question*
 *   resolver: (addresses* end)*      for each question, in any order
 *
 * addresses is sent for a family as soon as the family is known, end when both
 * are. A question without an end within RESOLVER_LIFE_S is ended by the
 * resolver itself.
 */
#ifndef TOLLGATE_NET_RESOLVER_WIRE_H
#define TOLLGATE_NET_RESOLVER_WIRE_H

#include "common/base/address.h"

#include <stddef.h>
#include <sys/types.h>

#define RESOLVER_NAME_SIZE     256  /* of a name, with its last dot and NUL */
#define RESOLVER_ADDRESSES_MAX 1024 /* of one family; more is a failure */
#define RESOLVER_QUESTIONS_MAX 64   /* at once */
#define RESOLVER_LIFE_S        20   /* of a question */

enum { RESOLVER_IPV4, RESOLVER_IPV6, RESOLVER_FAMILIES };

/* Whose rights the resolver keeps: it never has more than the daemon has once
 * that has dropped its own. Sent first, and once. */
struct resolver_identity {
    uid_t uid;
    gid_t gid;
};

struct resolver_question {
    uint32_t number;
    bool was_local;                /* the last answer was */
    char name[RESOLVER_NAME_SIZE]; /* as configured */
    char full[RESOLVER_NAME_SIZE]; /* that answered before; "": none did */
};

enum resolver_reply_kind { RESOLVER_ADDRESSES, RESOLVER_END };

/* Cut behind the last address. */
struct resolver_reply {
    uint32_t number;
    uint8_t kind;   /* enum resolver_reply_kind */
    uint8_t family; /* of addresses: RESOLVER_IPV4 or RESOLVER_IPV6 */
    uint8_t is_local;
    uint16_t count;
    /* Of end: 0, an error EAI_... of getaddrinfo(3), or enum
     * resolver_trouble. */
    int32_t status[RESOLVER_FAMILIES];
    char full[RESOLVER_NAME_SIZE]; /* which name answered, or did not */
    struct address addresses[RESOLVER_ADDRESSES_MAX];
};

#define RESOLVER_REPLY_SIZE(count) \
    (offsetof(struct resolver_reply, addresses) + \
        (count) * sizeof(struct address))

/* In the child, which never returns: asks what comes from fd. */
void resolver_serve(int fd) __attribute__((noreturn));
/* In a child of that one: answers one question. */
void resolver_work(int fd, const struct resolver_question *);

#endif
