/*
 * question.h - a callback's question, and how the loop answers it.
 *
 * A question holds copies of everything it needs and a decision, which is
 * large: it lives only while a callback waits. What a session keeps in the
 * loop is its seat: the places that it holds as long as it is open, and what
 * the message under way was charged.
 */
#ifndef TOLLGATE_MILTER_QUESTION_H
#define TOLLGATE_MILTER_QUESTION_H

#include "common/engine/daemon.h"
#include "milter/bridge.h"

/* bridge_flags: what callbacks need to know of the configuration. The lowest
 * bits are 1u << enum event_kind: a limit is fed with it. */
enum question_flags {
    QUESTION_DEFER_LATE = 1u << 16,   /* a late answer means: come back later */
    QUESTION_HEADER = 1u << 17,       /* messages get a header */
    QUESTION_HELO = 1u << 18,         /* a limit's key has helo in it */
    QUESTION_JUDGES_PEERS = 1u << 19, /* each step is judged */
    QUESTION_REQUIRES_PROOF = 1u << 20, /* of a session, before it begins */
    QUESTION_BANS = 1u << 21, /* of names: each step of a message is judged */
};

struct judge;
struct seat;

/* The loop's end of the bridge. */
struct judge *judge_new(struct daemon *, struct bridge *);
/* Sets the flags anew. Bans that come and go are followed by itself. */
void judge_follow(struct judge *, const struct config *);
/* The loop has ended: whoever still waits is let go. Callbacks may come until
 * the end of the process, so it is not freed. */
void judge_close(struct judge *);

struct question_answer {
    bool is_late; /* nothing was decided in time */
    enum verdict_kind kind;
    bool is_harvest; /* refused for too many rejected recipients before */
    bool is_held;    /* passes, and the message is to be quarantined */
    char action[VERDICT_ACTION_SIZE]; /* "" where it passes and is not held */
    char header[65];                  /* the name of a header to add, or "" */
};

/*
 * Messages of a session have ascending numbers. What a message was charged is
 * its seat's until it has come to its end, and given back if it does not.
 */
struct question_asked {
    const struct event *event;
    struct seat *seat;
    bool takes_places;       /* CONNECT */
    bool is_end;             /* of the message: nothing can be given back */
    uint32_t message;        /* that it is about */
    uint32_t sent;           /* the last one that came to its end; 0: none */
    bool asks_about_harvest; /* first: too many rejected recipients? */
};

/* From a callback: waits for the answer, at most store_timeout and 20 ms. */
void question_ask(struct judge *, const struct question_asked *,
    struct question_answer *answer_r);

/* A session begins; its seat is the loop's but for question_ask and this. */
struct seat *seat_new(struct judge *);
/* From a callback: the message is over without its end. */
void seat_abandon(struct seat *, uint32_t message);
/* From a callback: the session is over, its places are free. sent: as in
 * struct question_asked. */
void seat_leave(struct seat **, uint32_t sent);

#endif
