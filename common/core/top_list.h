/*
 * top_list.h - who came most often, as far as several lists together know.
 *
 * Pure. Each source (a daemon, or a minute of one) tells for each key between
 * which two numbers the truth lies, and how often somebody whom it does not
 * name can have come at most. Lists add up to a list of the same kind: the
 * bounds hold for the sum.
 */
#ifndef TOLLGATE_CORE_TOP_LIST_H
#define TOLLGATE_CORE_TOP_LIST_H

#include "common/core/event.h"
#include "common/core/heavy.h"

#define TOP_KEY_SIZE 80 /* "198.51.100.7", "2001:db8::/64", "sasl:bob" */
#define TOP_BY_SIZE  40 /* a limit's name, or a reason: longer ones are cut */

struct top_row {
    char key[TOP_KEY_SIZE]; /* printable */
    uint64_t least, most;   /* how often it came */
    uint64_t refused;       /* at least */
    char by[TOP_BY_SIZE];   /* what refused it last; "": not known */
    uint32_t peak, allowed; /* the largest use (usage.h), and its limit */
    uint64_t named;         /* `unlisted` of the sources that name it */
    size_t source;          /* the last of them */
};

struct top_list {
    struct top_row *rows; /* owned */
    size_t count, room;
    size_t sources;
    uint64_t total;    /* of all keys */
    uint64_t unlisted; /* whoever is in no row came at most so often */
    uint64_t span_ms;  /* the longest time that a source has looked at */
};

/* Frees the rows. */
void top_list_clear(struct top_list *);

/* One source: its rows with top_list_row (a key that is printable; two that
 * were cut may be the same), then top_list_source once. */
void top_list_row(struct top_list *, const char *key, uint64_t least,
    uint64_t most, uint64_t refused, uint64_t unlisted);
void top_list_source(
    struct top_list *, uint64_t total, uint64_t unlisted, uint64_t span_ms);

/* A source that is a heavy; format writes a key of it as text. names: of its
 * marks, the first is that of none. */
void top_list_heavy(struct top_list *, const struct heavy *, uint64_t span_ms,
    const char names[][TOP_BY_SIZE],
    void (*format)(const struct heavy_slot *, char text[TOP_KEY_SIZE]));

/* After all sources: one row for each key, the heaviest first; those past
 * `max` go, and count in `unlisted`. */
void top_list_settle(struct top_list *, size_t max);

/*
 * As a text for other daemons, in at most size bytes without a NUL; as many
 * rows as fit. Returns its length, 0: not even the head fits.
 *   list FACE EVENT TOTAL UNLISTED SPAN_MS
 *   LEAST MOST REFUSED KEY        (lines; the key is the rest of its line)
 */
size_t top_list_write(const struct top_list *, enum face, enum event_kind,
    char *text, size_t size);

struct top_lists {
    struct top_list of[FACES][EVENT_KINDS];
};
/* One source of each list of the text goes into lists->of[face][kind]. False:
 * malformed; what came before stays. */
bool top_lists_read(struct top_lists *, const char *text, size_t len);
/* Frees all rows of all lists. */
void top_lists_clear(struct top_lists *);

#endif
