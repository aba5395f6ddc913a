/*
 * log_gather.h - lines that repeat at speed: the first at once, then one a
 * second.
 *
 * Lines are alike if what they are about is: a short text of the caller's.
 * Within a second of a written line the next one alike is held, and those
 * after it are only counted; then the held line is written with the number
 * of lines that it stands for ("repeated", left out for one). At most 1024
 * texts are known at once, by hash: where another one needs the place, what is
 * held there is written early. What is held when the process is killed is
 * lost.
 */
#ifndef TOLLGATE_ENGINE_LOG_GATHER_H
#define TOLLGATE_ENGINE_LOG_GATHER_H

#include "common/base/log.h"

struct event_base;
struct log_gather;

/* Empty. Its timer is on that loop; abort if there is no memory. */
struct log_gather *log_gather_new(struct event_base *);
/* Writes what is held. */
void log_gather_free(struct log_gather **);
/* Writes what is held: before the log's target or format changes. */
void log_gather_flush(struct log_gather *);

/*
 * A line about that text. True: put the record together and give it to
 * log_gather_end, before the next begin. False: it was counted. NULL gathers
 * nothing.
 */
bool log_gather_begin(struct log_gather *, const char *about);
/* Writes the record or holds it. */
void log_gather_end(struct log_gather *, struct log_record *);

#endif
