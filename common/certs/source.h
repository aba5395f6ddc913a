/*
 * source.h - looks into a place where certificates appear.
 *
 * One look yields candidates: chains that are sound, and entries that would
 * have been for us but are not sound, with the reason. It decides nothing:
 * choice.h does. A look may meet a tool in the middle of its work; the caller
 * looks again.
 *
 * It goes in small steps, because a store of a thousand certificates takes
 * longer than a decision of the same loop may wait.
 */
#ifndef TOLLGATE_CERTS_SOURCE_H
#define TOLLGATE_CERTS_SOURCE_H

#include "common/certs/chain.h"
#include "common/certs/file.h"
#include "common/config/config.h"

#define SOURCE_JSON_MAX    (8u << 20) /* bytes of an acme.json */
#define SOURCE_ENTRY_MAX   (1u << 20) /* bytes of one certificate in it */
#define SOURCE_PEM_MAX     (1u << 20) /* bytes of a PEM file */
#define SOURCE_ENTRIES_MAX 10000 /* of a file or a folder, looked through */
#define CANDIDATES_MAX     64    /* for one certificate section */

struct candidate {
    struct chain *chain;  /* NULL: problem says why */
    char *problem;        /* "PLACE: what is wrong" */
    char *where;          /* the place, for the log */
    int64_t leaf_ends_at; /* unix time; 0: unknown */
};

struct look {
    struct candidate *items;
    size_t count;
    char *failure; /* the source as a whole could not be read; NULL: it was */
    struct file_paths paths;

    const struct config_certificate *config; /* borrowed */
    void *work; /* of a kind with more than one step; NULL: none */
    void (*end_work)(void *work);
};

void look_begin(struct look *, const struct config_certificate *);
/* At most one file, or one entry of a file, is read. True: there is more. */
bool look_step(struct look *);
void look_clear(struct look *);

/* For the kinds of source. */

/* The source, or a part of it, could not be read; the first reason stays. */
void look_fail(struct look *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * A pair that may be for us: left out if its leaf can be read and covers none
 * of the names. claimed: the place says that it is for us, should the leaf be
 * unreadable.
 */
void look_add(struct look *, char *const *names, const char *where,
    const struct file_text *certificates, const struct file_text *key,
    bool claimed);
/* A place that is for us, with nothing to be read. */
void look_add_problem(struct look *, const char *problem);
/* Reads two files, or the same one for both, and adds them. */
void look_add_files(struct look *, char *const *names, const char *certificates,
    const char *key, bool claimed);

/* One step each, as look_step. */
bool source_traefik(struct look *);
bool source_caddy(struct look *);
bool source_companion(struct look *);

#endif
