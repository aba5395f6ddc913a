/*
 * usage.h - what came to one limit in an hour, and how far it was used, in a
 * fixed amount of memory.
 *
 * Pure. Came and refused are exact sums of the limit. Of keys, heavy.h's list
 * has those that came most, exactly while they are at most HEAVY_SLOTS. The
 * peak use of each key is kept for USAGE_KEYS_MAX of them; of more, for those
 * whose hash ends in `level` zero bits, each standing for 2^level keys.
 *
 * The use of a key is what the store says that it has used, and what was
 * refused here in the same window: a limit in shadow mode counts nothing above
 * itself, and whoever sets one wants to know how much came. So above the limit
 * the use is what has come at least.
 */
#ifndef TOLLGATE_CORE_USAGE_H
#define TOLLGATE_CORE_USAGE_H

#include "common/core/heavy.h"

#define USAGE_HOUR_MS  3600000
#define USAGE_KEYS_MAX 1536 /* three quarters of the places */
#define USAGE_PLACES   2048

/* Buckets of use: each number below 8, then four for each doubling. Whoever
 * takes a bucket's last number for one in it takes at most a quarter too much.
 */
#define USAGE_BUCKETS 124
unsigned usage_bucket(uint32_t use);
uint32_t usage_bucket_last(unsigned bucket);

struct usage_peak {
    uint32_t use;     /* the largest */
    uint32_t refused; /* units, in the window below */
    uint64_t window;  /* the last in which it came; any number of it */
    uint32_t allowed; /* at that time; 0: no limit */
};

struct usage_key {
    uint64_t hash; /* 0: a free place */
    struct usage_peak peak;
};

/* Zero but for the hour: nothing has come. */
struct usage {
    uint64_t hour; /* since 1970 */
    uint64_t came, refused;
    uint32_t largest;   /* use of any key */
    struct heavy heavy; /* marked: refused */
    struct usage_peak peaks[HEAVY_SLOTS];
    unsigned level;
    size_t key_count;
    struct usage_key keys[USAGE_PLACES];
};

struct usage_event {
    struct heavy_key key;
    uint32_t amount;  /* 1.. */
    uint32_t used;    /* as struct charge has it */
    uint32_t allowed; /* 0: no limit */
    uint64_t window;  /* a number of the window that holds now */
    bool is_refused;
    bool counts_refused; /* the store counts what it refuses */
};

/* Something has come, and the store has answered. */
void usage_note(struct usage *, const struct usage_event *);

/* Nothing has come in this hour. */
void usage_clear(struct usage *, uint64_t hour);

/*
 * As a record for the store, at most USAGE_TEXT_MAX bytes without a NUL; of
 * keys those of the largest use against their limit, as many as fit. Returns
 * its length.
 *   usage HOUR CAME REFUSED LARGEST UNLISTED LIMIT
 *   peaks BUCKET:KEYS ...
 *   LEAST MOST REFUSED PEAK ALLOWED KEY      (lines)
 * name: the limit's, printable, at most USAGE_NAME_MAX bytes.
 */
#define USAGE_TEXT_MAX 4096
#define USAGE_NAME_MAX 200
size_t usage_write(
    const struct usage *, const char *name, char text[USAGE_TEXT_MAX]);

#endif
