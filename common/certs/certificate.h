/*
 * certificate.h - one certificate section at work: what is in use, where it
 * has been published, what is wrong at its source.
 */
#ifndef TOLLGATE_CERTS_CERTIFICATE_H
#define TOLLGATE_CERTS_CERTIFICATE_H

#include "common/certs/choice.h"
#include "common/certs/command.h"

struct event;
struct event_base;
struct task;

/* publish.c: what is still to be done with a change. */
struct publication {
    struct event *timer; /* the next step, or the next attempt */
    struct task *writer; /* under way; NULL: none */
    bool writes_map;     /* it; else the chain */
    bool is_sync;        /* at start: no decision waits yet */
    bool needs_chain, needs_map, needs_command;
    uint64_t map_again_ms; /* monotonic: when it is renamed over again; 0: no */
    bool has_asked;        /* the helper, which has not said that it is done */
    int64_t chain_s, map_s, command_s; /* when each last succeeded; 0: never */
    unsigned attempts;                 /* of the step that fails now */
};

/* verification.c: what the places of verify say. */
struct verification {
    struct event *timer;      /* the next look */
    struct task *task;        /* under way; NULL: none */
    bool is_begun;            /* there has been something to look for */
    bool is_outdated;         /* something was published since the task began */
    bool is_start;            /* of ours: Postfix may come later */
    bool is_said;             /* that what is in use is served */
    unsigned looks;           /* without success since the last publication */
    char *problem;            /* of the last look; NULL: none */
    char *logged;             /* the problem that was said last; NULL: none */
    int64_t looked_s, good_s; /* unix time; 0: not yet */
};

/* What the sections have in common. */
struct publisher {
    const struct certs *certs; /* borrowed */
    unsigned verifications;    /* under way */
    int command_fd;            /* of the helper; -1: none */
    bool is_retired; /* what is under way is ended, and nothing begun */
    void (*on_idle)(void *context); /* retired, and it has been; or NULL */
    void *context;
};

struct certificate {
    const struct config_certificate *config; /* borrowed */
    struct publisher *publisher;             /* borrowed */
    struct chain *chains[CHAIN_ALGORITHMS];  /* in use */
    char *where[CHAIN_ALGORITHMS];           /* they were found */
    int64_t since_s[CHAIN_ALGORITHMS];       /* they are in use */
    char *reply;                             /* netstring; NULL: no chain */
    size_t reply_len;
    bool is_new_source; /* nothing from it is in use */
    int64_t wrong_s;    /* since when something is wrong there; 0: nothing */
    int64_t waiting_s;  /* since when a source is waited for; 0: none is */
    bool is_fresh;      /* not looked at yet: the ways out may be others */
    int64_t looked_s;
    struct file_paths paths;  /* that the last whole look met, */
    int64_t whole_s, until_s; /* and from when until when, in unix time, its
                               * outcome stays while they are the same */
    char *problem;            /* of the last look; NULL: none */
    char *logged;             /* the problem that was logged last; NULL: none */
    int64_t warned_s;         /* when its end was warned about; 0: not yet */
    uint64_t failures;        /* to publish or to run on_change */
    struct publication publication;
    struct verification verification;
};

/* Both arguments behind the base are borrowed and outlive it. Nothing is read
 * yet. */
struct certificate *certificate_new(
    struct event_base *, const struct config_certificate *, struct publisher *);
/* Wipes its keys. */
void certificate_free(struct certificate **);

/* What a predecessor of the last configuration has in use. */
void certificate_inherit(struct certificate *, struct certificate *old);

/* What a look at its source has found. is_first: since start. */
void certificate_take(struct certificate *, struct look *, bool is_first);
/* The files and dates that a look would meet may be the same as at the last,
 * so that stamps_step is worth asking. */
bool certificate_may_pass(const struct certificate *);
/* They are: what else a look would do is done. */
void certificate_pass(struct certificate *);
/* Once for every new problem. */
void certificate_log_problem(struct certificate *);
/* certificate_report.c */
struct certs_report;
void certificate_report(
    const struct certificate *, struct certs_report *report_r);

/* Daily, of each chain with less than chain_warning_s left. bound_s: of a
 * section without an expiry_warning of its own. */
void certificate_warn_expiry(
    struct certificate *, int64_t now_s, int64_t bound_s);

/* publish.c */
void publication_init(struct certificate *, struct event_base *);
void publication_clear(struct certificate *);
/* The map has to be there before main.cf names it. */
void publication_make_map(struct certificate *);
/* Takes over what that of the last configuration has not done yet. */
void publication_inherit(struct certificate *, struct certificate *old);
/*
 * After a look; has_changed: something else is in use. What the file holds
 * already is not written again; without a file nobody can tell what was in use
 * before the start, so nothing is done then (is_first).
 */
void publication_begin(struct certificate *, bool has_changed, bool is_first);
/* Something is being written; the publisher's on_idle follows. */
bool publication_is_writing(const struct certificate *);
/* A step of it is about to be done, and nothing hinders it. */
bool publication_is_coming(const struct certificate *);
/* Logs it, and goes on later. */
void publication_fail(struct certificate *, const char *problem);

/* publish_command.c */
/* False: it is tried again later. */
bool publication_ask_helper(struct certificate *);
/* The helper has run the command. */
void publication_on_reply(
    struct certificate *, const struct command_reply *reply);

/* verification.c. Nothing is asked before verification_begin. */
void verification_init(struct certificate *, struct event_base *);
/* A process that asks is ended. */
void verification_clear(struct certificate *);
/* Takes over what is known of the same places. */
void verification_inherit(struct certificate *, struct certificate *old);
/* After a look at the source; has_changed: something else is in use. */
void verification_begin(struct certificate *, bool has_changed, bool is_first);
/* A way out has been done: what was seen before counts no more. */
void verification_restart(struct certificate *);
/* The next look is now, if there is one to come. */
void verification_hasten(struct certificate *);
/* The problem has lasted longer than an smtpd lives that read what had been
 * published before, and has been said. */
bool verification_has_failed(const struct certificate *);

#endif
