/*
 * file_writer.c - see file_writer.h.
 */
#include "common/certs/file_writer.h"

#include "common/base/child.h"
#include "common/base/memory.h"
#include "common/certs/atomic_file.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct file_writer {
    struct event *readable;
    int fd; /* the writer's report: "." or a problem; its end without one */
    pid_t pid;
    void (*on_done)(void *context, const char *problem);
    void *context;
};

static void write_and_report(int fd, const char *path, const void *bytes,
    size_t len, mode_t mode) __attribute__((noreturn));

static void write_and_report(
    int fd, const char *path, const void *bytes, size_t len, mode_t mode)
{
    struct error err;
    const char *report = ".";

    fd = child_keep_only(fd);
    if (fd == -1)
        _exit(1);
    if (!atomic_file_write(path, bytes, len, mode, &err))
        report = err.text;
    _exit(write(fd, report, strlen(report)) == -1);
}

void file_writer_free(struct file_writer **writer)
{
    if (*writer == NULL)
        return;
    event_free((*writer)->readable);
    close((*writer)->fd);
    free(*writer);
    *writer = NULL;
}

static void writer_on_readable(evutil_socket_t fd, short what, void *context)
{
    struct file_writer *writer = context, done = *writer;
    char report[sizeof((struct error *)0)->text] = "";
    ssize_t got = read(fd, report, sizeof report - 1);

    if (got == -1 && errno == EINTR)
        return;
    while (waitpid(done.pid, NULL, 0) == -1 && errno == EINTR)
        continue;
    file_writer_free(&writer);
    if (got <= 0)
        done.on_done(done.context, "the process that writes it has ended");
    else
        done.on_done(done.context, strcmp(report, ".") == 0 ? "" : report);
}

struct file_writer *file_writer_start(struct event_base *base, const char *path,
    const void *bytes, size_t len, mode_t mode,
    void (*on_done)(void *context, const char *problem), void *context,
    struct error *err)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) == -1) {
        error_set(err, "%s: pipe: %s", path, strerror(errno));
        return NULL;
    }
    pid_t pid = child_fork();
    if (pid == 0)
        write_and_report(ends[1], path, bytes, len, mode);
    close(ends[1]);
    if (pid == -1) {
        error_set(err, "%s: fork: %s", path, strerror(errno));
        close(ends[0]);
        return NULL;
    }
    struct file_writer *writer = xcalloc(1, sizeof *writer);
    *writer = (struct file_writer){
        .fd = ends[0], .pid = pid, .on_done = on_done, .context = context};
    writer->readable = event_new(
        base, ends[0], EV_READ | EV_PERSIST, writer_on_readable, writer);
    event_add(writer->readable, NULL);
    return writer;
}

void file_writer_hand_on(struct file_writer *writer, void *context)
{
    writer->context = context;
}
