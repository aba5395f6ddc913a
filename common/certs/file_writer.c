/*
 * file_writer.c - see file_writer.h.
 */
#include "common/certs/file_writer.h"

#include "common/certs/atomic_file.h"

#include <stdio.h>

struct job {
    const char *path;
    const void *bytes;
    size_t len;
    mode_t mode;
};

static void write_job(const void *argument, struct task_report *report_r)
{
    const struct job *job = argument;
    struct error err;

    if (!atomic_file_write(job->path, job->bytes, job->len, job->mode, &err))
        (void)snprintf(report_r->text, sizeof report_r->text, "%s", err.text);
}

struct task *file_writer_start(struct event_base *base, const char *path,
    const void *bytes, size_t len, mode_t mode,
    void (*on_done)(void *context, const char *problem), void *context,
    struct error *err)
{
    const struct job job = {path, bytes, len, mode};
    struct task *task =
        task_start(base, write_job, &job, on_done, context, err);

    if (task == NULL)
        error_prefix(err, "%s: ", path);
    return task;
}
