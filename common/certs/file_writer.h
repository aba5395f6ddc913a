/*
 * file_writer.h - atomic_file_write in a process of its own, because a disk
 * may take longer to sync than a decision of the loop may wait.
 */
#ifndef TOLLGATE_CERTS_FILE_WRITER_H
#define TOLLGATE_CERTS_FILE_WRITER_H

#include "common/base/error.h"

#include <stddef.h>
#include <sys/types.h>

struct event_base;
struct file_writer;

/*
 * The bytes are its own at once. on_done is called once, from the loop, when
 * the file has been replaced (""), or could not be; the writer is gone then.
 * NULL: err.
 */
struct file_writer *file_writer_start(struct event_base *, const char *path,
    const void *bytes, size_t len, mode_t mode,
    void (*on_done)(void *context, const char *problem), void *context,
    struct error *err);
/* Another one is to be told. */
void file_writer_hand_on(struct file_writer *, void *context);
/* What is being written is written all the same, and nobody is told. */
void file_writer_free(struct file_writer **);

#endif
