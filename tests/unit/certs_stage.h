/*
 * certs_stage.h - certificates at work without a daemon: a folder, a
 * configuration, an event loop, a log that is kept, and a wall clock that the
 * test sets.
 *
 * It stands in for the C library's clock, so that a minute passes at once.
 */
#ifndef TOLLGATE_TESTS_CERTS_STAGE_H
#define TOLLGATE_TESTS_CERTS_STAGE_H

#include "common/certs/certs.h"
#include "tests/unit/issue.h"
#include "tests/unit/net_helper.h"

struct event_base;

struct certs_stage {
    struct test_dir dir; /* first: the test's state is that of test_dir too */
    struct event_base *base;
    struct config *config;
    struct certs *certs;
    int64_t now_s;   /* of the wall clock; it stands still */
    int64_t ahead_s; /* what has been added to the monotonic one */
    int command_fd;  /* for the certs that are started; -1: none */
};

/* cmocka fixtures; *state is the struct certs_stage. */
int certs_stage_setup(void **state);
int certs_stage_teardown(void **state);

/* A file in the folder, in place; folders on its way are made. */
void stage_write(
    struct certs_stage *, const char *name, const char *bytes, size_t len);
/* Key and chain in one file. */
void stage_write_combined(
    struct certs_stage *, const char *name, const struct issued *);
/* A snapshot with these sections; each %s is the folder. */
struct config *stage_load(struct certs_stage *, const char *text);
/* Starts on such a snapshot, or goes on with it. */
void stage_configure(struct certs_stage *, const char *text);
/* Runs the loop until it is so; fails the test after 10 s. */
void stage_await(struct certs_stage *, bool (*is_so)(struct certs_stage *),
    const char *what);
/* Lets so many seconds pass. */
void stage_advance(struct certs_stage *, unsigned s);
/* Runs it for so long. */
void stage_run(struct certs_stage *, unsigned ms);
/* All sources are read; returns when they have been. */
void stage_look(struct certs_stage *);

/* How often the log has that. */
size_t stage_count_log(struct certs_stage *, const char *text);

/* The inode of a file in the folder; 0: there is none. */
unsigned long stage_inode(struct certs_stage *, const char *name);
/* It holds exactly the key and the chain. */
bool stage_holds(struct certs_stage *, const char *name, const struct issued *);

/* The report of a section; there has to be one. */
struct certs_report stage_report(struct certs_stage *, size_t index);

#endif
