/*
 * attr_peer.h - both ends of an attribute connection: a session that answers
 * as it is told, and the socket through which a Postfix would speak to it.
 */
#ifndef TOLLGATE_TESTS_ATTR_PEER_H
#define TOLLGATE_TESTS_ATTR_PEER_H

#include "policyd/attr_connection.h"

struct event_base;

enum answer { ANSWER_NOW, ANSWER_LATER, ANSWER_REASON, ANSWER_FREE };

struct attr_peer {
    struct event_base *base;
    struct attr_batch *round;
    struct attr_connection *connection;
    int peer; /* Postfix's end */
    enum answer answer;
    char seen[256]; /* "name=value;" each, "." for each request */
    unsigned requests, malformed, closes;
    bool answers_malformed; /* "no", and does not leave it to a close */
};

/* A deadline of 300 ms; an attribute named "bad" is malformed. */
extern const struct attr_events attr_peer_events;

void attr_peer_open(struct attr_peer *, struct event_base *);
void attr_peer_close(struct attr_peer *);

/* What is ready now. */
void attr_peer_run(struct attr_peer *);
/* Until all is sent or the other side has closed. */
void attr_peer_send(struct attr_peer *, const char *bytes, size_t len);
void attr_peer_send_text(struct attr_peer *, const char *text);
/* What Postfix got: the answers, then "EOF" if the connection has ended. */
void attr_peer_expect(struct attr_peer *, const char *expected);

#endif
