/*
 * reply.h - an action of the configuration as a milter's reply.
 *
 * Pure. "450 4.7.1 Error: too much mail" becomes code, enhanced code and text;
 * a '%' is doubled, because whoever takes a milter's reply undoubles it. The
 * words of access(5) become the codes that Postfix has for them.
 */
#ifndef TOLLGATE_MILTER_REPLY_H
#define TOLLGATE_MILTER_REPLY_H

#include "common/core/verdict.h"

#define REPLY_XCODE_SIZE 12
#define REPLY_TEXT_SIZE  (2 * VERDICT_ACTION_SIZE)

struct reply {
    char code[4];                 /* "450" */
    char xcode[REPLY_XCODE_SIZE]; /* "4.7.1", or "" */
    char text[REPLY_TEXT_SIZE];
};

/* The action begins with 4NN or 5NN, REJECT or DEFER: the configuration sees to
 * that. */
void reply_split(const char *action, struct reply *reply_r);

#endif
