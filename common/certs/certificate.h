/*
 * certificate.h - one certificate section at work: what is in use, where it
 * has been published, what is wrong at its source.
 */
#ifndef TOLLGATE_CERTS_CERTIFICATE_H
#define TOLLGATE_CERTS_CERTIFICATE_H

#include "common/certs/choice.h"

struct event;
struct event_base;

/* publish.c: what is still to be done with a change. */
struct publication {
    struct event *timer; /* the next step, or the next attempt */
    bool needs_chain, needs_map, needs_map_again, needs_command;
    unsigned attempts;         /* of the step that fails now */
    unsigned command_attempts; /* since the change */
    uint64_t command_id;       /* under way; 0: none */
};

struct certificate {
    const struct config_certificate *config; /* borrowed */
    const int *command_fd;                   /* borrowed; -1: none */
    const bool *is_retired;                  /* borrowed: publish no more */
    struct chain *chains[CHAIN_ALGORITHMS];  /* in use */
    char *reply;                             /* netstring; NULL: no chain */
    size_t reply_len;
    bool may_be_older; /* its source is new: nothing from it is in use */
    char *problem;     /* of the last look; NULL: none */
    char *logged;      /* the problem that was logged last; NULL: none */
    int64_t warned_s;  /* when its end was warned about; 0: not yet */
    uint64_t failures; /* to publish or to run on_change */
    struct publication publication;
};

struct certificate *certificate_new(struct event_base *,
    const struct config_certificate *, const int *command_fd,
    const bool *is_retired);
void certificate_free(struct certificate **);

/* What a predecessor of the last configuration has in use. */
void certificate_inherit(struct certificate *, struct certificate *old);

/* Looks at its source; adds what is to be watched. is_first: since start. */
void certificate_look(
    struct certificate *, bool is_first, struct file_paths *paths);
/* Once for every new problem. */
void certificate_log_problem(struct certificate *);
/* Daily, once less than warning_s is left. */
void certificate_warn_expiry(
    struct certificate *, int64_t now_s, int64_t warning_s);

/* publish.c */
void publication_init(struct certificate *, struct event_base *);
void publication_clear(struct certificate *);
/* The map has to be there before main.cf names it. */
void publication_make_map(struct certificate *);
/* What is in use has changed, or was found at the start (is_first). Nothing is
 * done if the file holds it already; without a file nobody can tell what was
 * in use before the start, so nothing is done then either. */
void publication_begin(struct certificate *, bool is_first);
/* Of the command under way: "" or what went wrong. */
void publication_on_reply(struct certificate *, const char *problem);

#endif
