/*
 * gate_pass.h - hands one client to an smtpd of a pass service, as postscreen
 * does.
 *
 * Connects to the socket that master listens at, sends the client's descriptor
 * with one byte, and then the four attributes that tell smtpd who comes. smtpd
 * closes the channel as soon as it has read them: from then on the client is
 * its own. Never blocks.
 */
#ifndef TOLLGATE_POLICYD_GATE_PASS_H
#define TOLLGATE_POLICYD_GATE_PASS_H

#include "common/base/address.h"

struct event;
struct event_base;

enum gate_pass_state {
    GATE_PASS_WAITS,
    GATE_PASS_TAKEN, /* by an smtpd: the client's descriptor can be closed */
    GATE_PASS_LATE,  /* no smtpd was free in time; one may take it yet */
    GATE_PASS_AWAY,  /* nobody listens there, or refuses us: error says why */
};

/* Who comes, as smtpd is to see it. */
struct gate_ends {
    struct address client, server; /* never ADDRESS_NONE */
    uint16_t client_port, server_port;
};

/* Embedded; all zero is none. */
struct gate_pass {
    struct event_base *base;
    const char *path; /* borrowed, as the descriptor is */
    int client_fd;
    struct gate_ends ends;
    uint64_t deadline_ms;                /* of clock_monotonic_ms */
    void (*on_done)(struct gate_pass *); /* later, not from gate_pass_begin */
    void *context;

    enum gate_pass_state state;
    int error; /* AWAY: an errno */
    struct event *event;
    int channel; /* -1: not connected */
};

/* All members up to context have been set. True: it waits, and on_done will be
 * called once; false: state is AWAY. */
bool gate_pass_begin(struct gate_pass *);
/* Ends it; on_done is not called any more. */
void gate_pass_clear(struct gate_pass *);

/* The attributes, as they are sent; returns the length. Pure. */
#define GATE_PASS_TEXT_SIZE 256
size_t gate_pass_format(
    const struct gate_ends *, char text_r[GATE_PASS_TEXT_SIZE]);

#endif
