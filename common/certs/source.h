/*
 * source.h - looks into a place where certificates appear.
 *
 * One look goes through all sources of a section and yields candidates: chains
 * that are sound, and entries that would have been for us but are not sound,
 * with the reason. It decides nothing: choice.h does. A look may meet a tool in
 * the middle of its work; the caller looks again.
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
    struct chain *chain; /* NULL: problem says why */
    char *problem;       /* "PLACE: what is wrong" */
    char *where;         /* the place, for the log */
    int64_t issued_at;   /* unix time, notBefore; 0: unknown */
    size_t source;       /* of the section's */
    bool is_for_us;      /* by its place or its names; else only we may not
                          * read what may be */
};

struct look {
    struct candidate *items;
    size_t count;
    char *failure; /* a source as a whole could not be read; NULL: all were */
    char *absence; /* a source is not there, or empty; NULL: none is */
    bool is_in_making; /* and it was emptied a moment ago */
    struct file_paths paths;
    int64_t now_s;   /* unix time of its beginning */
    int64_t until_s; /* unix time: a date of what is for us passes then, and
                      * the same files say something else */

    const struct config_certificate *config;        /* borrowed */
    const struct config_certificate_source *source; /* looked at now */
    void *work; /* of a kind with more than one step; NULL: none */
    void (*end_work)(void *work);
};

/* Starts at the first source; the section is borrowed until look_clear. */
void look_begin(struct look *, const struct config_certificate *);
/* At most one file, or one entry of a file, is read. True: there is more. */
bool look_step(struct look *);
void look_clear(struct look *);

/* An empty file that has changed in these seconds is being written. */
#define LOOK_MAKING_S 10

/* For the kinds of source. */

/* The source, or a part of it, could not be read; the first reason stays. */
void look_fail(struct look *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The source is not there, or empty: no matter where another source has what
 * is wanted. changed_s: when it was emptied, unix time; 0: it is not there. */
void look_miss(struct look *, const char *problem, int64_t changed_s);
/* What a place says of the certificate that belongs there. */
enum look_claim {
    LOOK_UNCLAIMED, /* nothing: only its names tell whether it is for us */
    LOOK_IF_BEGUN,  /* it is for us, should one of its files be there */
    LOOK_CLAIMED,   /* it is for us, and has to be there */
};

/*
 * Certificates and their key, which may be for us: left out if they can be
 * read and none covers one of the names. claimed: the place says that they are
 * for us, should they be unreadable. Each key of the text yields a candidate.
 */
void look_add(struct look *, char *const *names, const char *where,
    const struct file_text *certificates, const struct file_text *key,
    bool claimed);
/* A place that is for us, with nothing to be read. */
void look_add_problem(struct look *, const char *problem);
/* Paths; certificates and key may be the same. */
struct look_files {
    const char *certificates, *key;
    const char *chain; /* more certificates; NULL: none */
};

/*
 * Reads the files and adds what they hold. What cannot be
 * read is a problem as the claim says, or missed where none of the files holds
 * anything; a file that we may not read is a problem, whatever it is for, where
 * no certificate for us is found.
 */
void look_add_files(struct look *, char *const *names,
    const struct look_files *, enum look_claim claim);
/* The same of two files of a folder, for the names of the section. */
void look_add_pair(struct look *, const char *folder, const char *certificates,
    const char *key, enum look_claim claim);

/* Frees what the kind of source keeps between its steps. */
void look_end_work(struct look *);

/* Is there such a name among the section's? len: of the name. */
bool look_is_for_us(const struct look *, const char *name, size_t len);

/* One step each, as look_step. */
bool source_traefik(struct look *);
bool source_certbot(struct look *);
bool source_caddy(struct look *);
bool source_companion(struct look *);

#endif
