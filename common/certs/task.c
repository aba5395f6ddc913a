/*
 * task.c - see task.h.
 */
#include "common/certs/task.h"

#include "common/base/alloc.h"
#include "common/base/child.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DONE "." /* an end without a report is none */

struct task {
    struct event *readable;
    int fd; /* the report */
    pid_t pid;
    void (*on_done)(void *context, const char *problem);
    void *context;
};

static void work_and_report(int fd,
    void (*work)(const void *argument, struct task_report *report_r),
    const void *argument) __attribute__((noreturn));

static void work_and_report(int fd,
    void (*work)(const void *argument, struct task_report *report_r),
    const void *argument)
{
    struct task_report report = {""};

    fd = child_keep_only(fd);
    if (fd == -1)
        _exit(1);
    work(argument, &report);
    const char *text = report.text[0] != '\0' ? report.text : DONE;
    _exit(write(fd, text, strlen(text)) == -1);
}

static void await(pid_t pid)
{
    while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
        continue;
}

void task_leave(struct task **task)
{
    if (*task == NULL)
        return;
    event_free((*task)->readable);
    close((*task)->fd);
    free(*task);
    *task = NULL;
}

void task_end(struct task **task)
{
    if (*task == NULL)
        return;
    (void)kill((*task)->pid, SIGKILL);
    await((*task)->pid);
    task_leave(task);
}

static void task_on_readable(evutil_socket_t fd, short what, void *context)
{
    struct task *task = context, done = *task;
    struct task_report report = {""};
    ssize_t got = read(fd, report.text, sizeof report.text - 1);

    if (got == -1 && errno == EINTR)
        return;
    await(done.pid);
    task_leave(&task);
    if (got <= 0)
        done.on_done(done.context, "the process for it has ended");
    else
        done.on_done(
            done.context, strcmp(report.text, DONE) == 0 ? "" : report.text);
}

struct task *task_start(struct event_base *base,
    void (*work)(const void *argument, struct task_report *report_r),
    const void *argument, void (*on_done)(void *context, const char *problem),
    void *context, struct error *err)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) == -1) {
        error_set(err, "pipe: %s", strerror(errno));
        return NULL;
    }
    pid_t pid = child_fork();
    if (pid == 0)
        work_and_report(ends[1], work, argument);
    close(ends[1]);
    if (pid == -1) {
        error_set(err, "fork: %s", strerror(errno));
        close(ends[0]);
        return NULL;
    }
    struct task *task = xcalloc(1, sizeof *task);
    *task = (struct task){
        .fd = ends[0], .pid = pid, .on_done = on_done, .context = context};
    task->readable =
        event_new(base, ends[0], EV_READ | EV_PERSIST, task_on_readable, task);
    event_add(task->readable, NULL);
    return task;
}

void task_hand_on(struct task *task, void *context)
{
    task->context = context;
}
