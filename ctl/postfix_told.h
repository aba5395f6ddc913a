/*
 * postfix_told.h - what postconf printed elsewhere, on standard input.
 */
#ifndef TOLLGATE_CTL_POSTFIX_TOLD_H
#define TOLLGATE_CTL_POSTFIX_TOLD_H

#include "common/base/error.h"
#include "ctl/postfix_parameters.h"

#include <stdio.h>

/* What is to be piped in: see tollgatectl(1). */
#define POSTFIX_TOLD_BY \
    "postconf; postconf -x; postconf -F; postconf -P; postconf -m"

struct postfix_told {
    struct postfix_parameters raw;      /* postconf */
    struct postfix_parameters expanded; /* postconf -x */
    char *fields;                       /* postconf -F */
    char *overrides;                    /* postconf -P; "" is none */
    char *map_types;                    /* postconf -m, one a line */
};

/* Reads all of it. False: what is missing, or too much (4 MiB); nothing is to
 * be cleared then. */
bool postfix_told_read(FILE *, struct postfix_told *told_r, struct error *err);
void postfix_told_clear(struct postfix_told *);

#endif
