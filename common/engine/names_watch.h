/*
 * names_watch.h - looks every second at the files that name whom limits are
 * for (config/name_file.h), those of the configuration that is in force.
 */
#ifndef TOLLGATE_ENGINE_NAMES_WATCH_H
#define TOLLGATE_ENGINE_NAMES_WATCH_H

struct engine;
struct event_base;
struct names_watch;

/* Both are borrowed. */
struct names_watch *names_watch_new(struct event_base *, struct engine *);
/* NULL is allowed. */
void names_watch_free(struct names_watch **);

#endif
