/*
 * gate_client.h - one connection in a gate's hand, and what the gate keeps of
 * all of them. Private to the gate.
 */
#ifndef TOLLGATE_POLICYD_GATE_CLIENT_H
#define TOLLGATE_POLICYD_GATE_CLIENT_H

#include "common/base/hash.h"
#include "common/engine/engine.h"
#include "common/net/proxy_header.h"
#include "policyd/gate_check.h"
#include "policyd/gate_pass.h"

#include <sys/queue.h>

/* How a connection has ended. */
enum gate_end {
    GATE_END_PASSED,  /* an smtpd has it */
    GATE_END_REFUSED, /* by a decision; the decisions' own metric says why */
    GATE_END_HEADER,  /* a trusted proxy sent no valid header */
    GATE_END_CHECK,   /* the proxy came for itself */
    GATE_END_GONE,    /* left without a word */
    GATE_END_CROWDED, /* gave way to others, or found no room */
    GATE_END_LATE,    /* no smtpd was free in time */
    GATE_END_AWAY,    /* the pass service cannot be reached */
    GATE_ENDS,
};

enum gate_state {
    GATE_READS,  /* the header */
    GATE_PASSES, /* to an smtpd */
    GATE_CHECKS, /* a proxy that came for itself */
    GATE_LEAVES, /* refused: what the peer sends is read away */
};

#define GATE_BUCKETS 4096

struct gate_client {
    TAILQ_ENTRY(gate_client) entry;
    LIST_ENTRY(gate_client) same; /* PASSES: clients of the same bucket */
    struct gate *gate;
    struct config *config; /* the snapshot that it began with */
    const struct config_service *service;
    enum gate_state state;
    enum gate_end end; /* so far */
    int fd;
    struct address peer;
    uint16_t peer_port;
    struct address net; /* PASSES: of the client, as limits count it */
    union {
        struct proxy_reader reader; /* READS */
        struct {
            char text[GATE_CHECK_LINE];
            size_t len;
        } line; /* CHECKS */
    } in;
    struct gate_pass pass;
    struct event *readable, *deadline;
};

TAILQ_HEAD(gate_list, gate_client);

/* What is said once a minute at most. */
struct gate_fault {
    uint64_t logged_ms, unsaid;
};

#define GATE_FAULT_SIZE 384

struct gate {
    struct daemon *daemon;
    struct gate_list silent, leaving, busy; /* READS, LEAVES, all others; the
                                               oldest first */
    size_t count;
    LIST_HEAD(, gate_client) passing[GATE_BUCKETS];
    struct decision decision; /* each is over at once */
    uint64_t ends[GATE_ENDS];
    struct hash_key hash_key;
    struct gate_fault late, away;
    char away_text[GATE_FAULT_SIZE]; /* the last, */
    uint64_t away_ms;                /* and when; 0: it works */
    size_t descriptors;              /* that this process may have */
};

/* Takes fd. */
void gate_client_new(
    struct gate *, struct config *, const struct config_service *, int fd);
/* Closes it; its end is counted. */
void gate_client_free(struct gate_client *);

/* gate.c: */
/* Adds a client to those that wait for an smtpd; false: as many of its net as
 * may do. */
bool gate_let_wait(struct gate *, struct gate_client *);
/* An smtpd has taken a client, or none has. */
void gate_note_result(struct gate *, const struct gate_client *);

#endif
