/*
 * file_writer.h - atomic_file_write in a process of its own, because a disk
 * may take longer to sync than a decision of the loop may wait.
 */
#ifndef TOLLGATE_CERTS_FILE_WRITER_H
#define TOLLGATE_CERTS_FILE_WRITER_H

#include "common/certs/task.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * The bytes are the process's own at once. on_done is told "" when the file
 * has been replaced, or why it could not be. A task that is left writes all the
 * same. NULL: err.
 */
struct task *file_writer_start(struct event_base *, const char *path,
    const void *bytes, size_t len, mode_t mode,
    void (*on_done)(void *context, const char *problem), void *context,
    struct error *err);

#endif
