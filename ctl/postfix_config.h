/*
 * postfix_config.h - main.cf and master.cf, as postconf tells them.
 *
 * Nothing of the files is read by ourselves: includes, defaults, $names and
 * the -o of a service are Postfix's business, and differ between versions.
 */
#ifndef TOLLGATE_CTL_POSTFIX_CONFIG_H
#define TOLLGATE_CTL_POSTFIX_CONFIG_H

#include "common/base/error.h"
#include "common/core/event.h"
#include "ctl/postfix_parameters.h"

#include <stdio.h>

struct postfix_told;

/* A line of master.cf. */
struct postfix_service {
    char *name;                       /* "smtp", "127.0.0.1:12525" */
    char *type;                       /* "inet" "unix" "pass" ... */
    char *program;                    /* "smtpd" */
    struct postfix_parameters fields; /* as postconf -F names them */
    /* -o, as written. A postscreen's are its own and those of the smtpd that it
     * passes clients to, which win: they are what the clients meet. */
    struct postfix_parameters overrides;
    bool is_chrooted;
    bool is_disabled; /* by master_service_disable */
    /* What is in force there, with its -o, $names expanded. Only of smtpd and
     * postscreen. */
    struct postfix_parameters in_force;
    bool is_server;   /* one of these two, and not disabled */
    bool is_listener; /* and clients connect to it */
    uint16_t port;    /* 0: not a listener, or a name that nobody knows */
};

struct postfix_config {
    char *directory;                /* for postconf -c; NULL: Postfix's own */
    struct postfix_told *told;      /* of a Postfix that is not here; NULL: it
                                       is asked itself */
    bool is_unsure;                 /* told, and a value compares */
    struct postfix_parameters main; /* in force, $names expanded */
    struct postfix_service *services;
    size_t count;
    char *map_types; /* postconf -m, one a line */
};

/* Runs postconf a few times. NULL with what it complained about. */
struct postfix_config *postfix_config_load(
    const char *directory, struct error *err);
/* What postconf printed elsewhere: see postfix_told.h. */
struct postfix_config *postfix_config_read(FILE *, struct error *err);
void postfix_config_free(struct postfix_config **);

/* NULL: there is no such line. */
const struct postfix_service *postfix_config_service(
    const struct postfix_config *, const char *name, const char *type);
/* The smtpd that a postscreen passes its clients to; NULL: it has none. */
const struct postfix_service *postfix_config_passed(
    const struct postfix_config *, const struct postfix_service *postscreen);
/* Of main.cf; "" for what this Postfix does not know. */
const char *postfix_config_value(
    const struct postfix_config *, const char *name);

/* The two that have no I/O: what -F and -P print. */
void postfix_config_read_services(
    struct postfix_config *, const char *fields, const char *overrides);
/* A name of master.cf: "25", "smtp", "[::1]:25"; 0: not known. */
uint16_t postfix_config_port(const struct postfix_config *, const char *name);

#endif
