/*
 * served.h - asks a server which certificate it serves, as one kind of client.
 *
 * Blocks: for a process of its own.
 */
#ifndef TOLLGATE_CERTS_SERVED_H
#define TOLLGATE_CERTS_SERVED_H

#include "common/certs/chain.h"
#include "common/config/config.h"

#define SERVED_TIMEOUT_MS 10000 /* of one question, from connect to QUIT */

struct served_question {
    const struct config_verify_place *place;
    const char *name;          /* of SNI; NULL: none */
    const struct chain *chain; /* that is to be served to a client that knows
                                * its algorithm only; nothing of its key is
                                * looked at */
};

/* An SMTP session up to the handshake, and QUIT. False: err says where and
 * what else is served, or why no certificate was seen. */
bool served_ask(const struct served_question *, struct error *err);

#endif
