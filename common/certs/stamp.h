/*
 * stamp.h - what stat(2) said of the files and folders that a look has met, so
 * that they need not be read again while all of them say the same.
 *
 * A change within the tick of the clock that the last one was stamped with
 * shows in none of the dates. So what had changed shortly before it was read is
 * taken for changed at the next look.
 */
#ifndef TOLLGATE_CERTS_STAMP_H
#define TOLLGATE_CERTS_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define STAMPS_MAX      4096
#define STAMP_SETTLED_S 3 /* FAT's tick is two seconds, ext3's one */

struct stamp;

struct stamps {
    struct stamp *items; /* owned */
    size_t count, room;
    bool is_unsettled; /* one had changed shortly before, or there are too many:
                        * they are never the same */
};

/* What was opened at a path, before it was read; NULL: it is not there. What
 * could not be opened for another reason is not the same ever again. */
void stamps_note(struct stamps *, const char *path, const struct stat *);
void stamps_note_unread(struct stamps *);
void stamps_clear(struct stamps *);

enum stamps_result { STAMPS_SAME, STAMPS_MORE, STAMPS_CHANGED };

/* Asks for the next few, from *at, which begins with 0. */
enum stamps_result stamps_step(const struct stamps *, size_t *at);

#endif
