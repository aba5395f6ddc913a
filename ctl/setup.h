/*
 * setup.h - the command setup: a tollgate.conf made of a few answers.
 *
 * The answers come from options, or are asked for on a terminal. Nothing is
 * written over. What is written passes config_load first, as a daemon's -t
 * does.
 */
#ifndef TOLLGATE_CTL_SETUP_H
#define TOLLGATE_CTL_SETUP_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define SETUP_PROXIES_MAX 64

/* A kind of mail server. */
struct setup_host {
    const char *name;
    const char *output;       /* where its tollgate.conf belongs */
    const char *const *ports; /* of listeners behind a proxy; ends with NULL */
    bool has_logins;          /* mail of users passes the policy face */
    const char *text;         /* of tollgate.conf: what only it needs */
    const char *next;         /* for the person: what to do now */
};

/* A set of limits: conf/profiles, or none. */
struct setup_limits {
    const char *name;
    const char *text; /* of tollgate.conf; "": none */
};

/* Zero: nothing is answered. Texts are owned. */
struct setup {
    const struct setup_host *host;     /* NULL: no answer yet */
    const struct setup_limits *limits; /* NULL: no answer yet */
    char *proxies[SETUP_PROXIES_MAX];  /* as trusted_proxies takes them */
    size_t proxy_count;
    char *store;  /* NULL: no answer yet */
    char *output; /* NULL: no answer yet; "-": standard output */
};

/* An answer: an option of the command, and a question on a terminal. */
struct setup_answer {
    const char *option;   /* "--for" */
    const char *question; /* one line */
    /* What an empty answer means; NULL: there has to be one. */
    const char *(*usual)(const struct setup *);
    /* Takes the text, or says in err what would be right; then nothing has
     * changed. An answer that was given already is replaced, but for proxies,
     * which are added. */
    bool (*set)(struct setup *, const char *text, struct error *err);
    /* Can what was set be used here and now? NULL: always. */
    bool (*check)(const struct setup *, struct error *err);
};

/* In the order of the questions; ends with a row without option. */
#define SETUP_ANSWERS 5
extern const struct setup_answer setup_answers[SETUP_ANSWERS + 1];

/* Frees the answers. */
void setup_clear(struct setup *);

/*
 * On the terminal of standard input, by way of standard error: each question
 * that is not in is_given, until its answer is right. False: the person has
 * left.
 */
bool setup_ask(
    struct setup *, const bool is_given[SETUP_ANSWERS], struct error *err);
/* The question before the file is written: yes or no. False: the person has
 * left, too. */
bool setup_confirm(const struct setup *);

/* Both end with a row without name. */
extern const struct setup_host setup_hosts[];
extern const struct setup_limits setup_limits[];

/* The whole tollgate.conf, once everything is answered; the caller frees it.
 * hides_password: the one in the store's URL is "(hidden)". */
char *setup_text(const struct setup *, bool hides_password);

#endif
