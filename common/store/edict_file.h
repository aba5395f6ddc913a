/*
 * edict_file.h - bans and overrides in a file without a name, for the process
 * that takes this one's place.
 */
#ifndef TOLLGATE_STORE_EDICT_FILE_H
#define TOLLGATE_STORE_EDICT_FILE_H

#include "common/base/error.h"
#include "common/core/edict_table.h"

/* Close-on-exec, sealed, the caller's to close; -1: it could not be made. */
int edict_file_write(const struct edict_table *, struct error *err);

/*
 * Puts what is in the file into the table, and closes it. False: what comes
 * after this is of another version, or is damaged, and is left out.
 */
bool edict_file_read(struct edict_table *, int fd);

#endif
