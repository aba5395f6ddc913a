/*
 * launch.c - see launch.h.
 *
 * Input is a file without a name, not a pipe: a program that does not read
 * it holds up nothing.
 */
#include "common/base/launch.h"

#include "common/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_AFTER_MS 2000 /* of what TERM has not ended */
#define NOT_STARTED   127

static int open_input(const struct launch *launch)
{
    if (launch->input == NULL)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("tollgate-input", MFD_CLOEXEC);
    if (fd == -1 ||
        write(fd, launch->input, launch->input_len) !=
            (ssize_t)launch->input_len ||
        lseek(fd, 0, SEEK_SET) != 0)
        return -1;
    return fd;
}

static void run_child(const struct launch *launch)
{
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    setpgid(0, 0);
    int input = open_input(launch);
    if (input == -1 || dup2(input, STDIN_FILENO) == -1)
        _exit(NOT_STARTED);
    if (launch->prepare != NULL)
        launch->prepare(launch->context);
    execve(launch->argv[0], launch->argv, launch->environment);
    _exit(NOT_STARTED);
}

/* True: it has ended; by a descriptor, because waiting has no timeout. */
static bool wait_end(int pidfd, uint64_t ms)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    uint64_t until = clock_monotonic_ms() + ms, now;
    int got = 0;

    while (got != 1 && (now = clock_monotonic_ms()) < until)
        got = poll(&ended, 1, (int)(until - now));
    return got == 1;
}

static void describe_end(int status, const char *program, char problem[])
{
    if (WIFSIGNALED(status))
        snprintf(problem, LAUNCH_PROBLEM_SIZE, "%.200s: ended by signal %d",
            program, WTERMSIG(status));
    else if (WEXITSTATUS(status) == NOT_STARTED)
        snprintf(problem, LAUNCH_PROBLEM_SIZE,
            "%.200s: exit status 127 (could it be started?)", program);
    else if (WEXITSTATUS(status) != 0)
        snprintf(problem, LAUNCH_PROBLEM_SIZE, "%.200s: exit status %d",
            program, WEXITSTATUS(status));
}

void launch_run(const struct launch *launch, char problem[LAUNCH_PROBLEM_SIZE])
{
    const char *program = launch->argv[0];
    int status = 0;

    problem[0] = '\0';
    pid_t pid = fork();
    if (pid == 0)
        run_child(launch);
    int pidfd = pid == -1 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd == -1) {
        snprintf(problem, LAUNCH_PROBLEM_SIZE, "%.100s: %s", program,
            strerror(errno));
        if (pid > 0)
            waitpid(pid, NULL, 0);
        return;
    }
    bool has_ended = wait_end(pidfd, launch->timeout_ms);
    if (!has_ended) {
        kill(-pid, SIGTERM);
        if (!wait_end(pidfd, KILL_AFTER_MS))
            kill(-pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
        continue;
    close(pidfd);
    if (has_ended)
        describe_end(status, program, problem);
    else
        snprintf(problem, LAUNCH_PROBLEM_SIZE, "%.200s: not done in %llu ms",
            program, (unsigned long long)launch->timeout_ms);
}
