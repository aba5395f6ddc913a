/*
 * resolver_child.c - the resolver process: one worker for each question.
 *
 * It was forked before the daemon read its configuration, gives up what
 * rights the daemon will give up, keeps one descriptor, and parses nothing
 * that comes from a network: its workers do, and end with their question. A
 * question that takes too long holds up no other one. The process ends when
 * the daemon's end of the socket is closed.
 */
#include "common/net/resolver_wire.h"

#include "common/base/child.h"
#include "common/net/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct spawned {
    pid_t pid;
    uint32_t number;
};

struct spawner {
    int fd, ended_fd; /* the daemon; readable when a worker has ended */
    size_t count;
    struct spawned workers[RESOLVER_QUESTIONS_MAX];
};

/* Signals of a terminal or an init are the daemon's: its drain still needs
 * names. */
static void set_signals(void)
{
    static const int ignored[] = {
        SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE};
    sigset_t blocked;

    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        (void)signal(ignored[i], SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
}

/* Who waits for the end of the daemon's output must not wait for ours. */
static void leave_terminal(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = STDIN_FILENO; fd != -1 && i <= STDERR_FILENO; i++)
        (void)dup2(fd, i);
    if (fd > STDERR_FILENO)
        close(fd);
}

static bool give_up_rights(const struct resolver_identity *identity)
{
    uid_t uid = identity->uid;
    gid_t gid = identity->gid;

    if (geteuid() == 0 &&
        (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
            setresuid(uid, uid, uid) == -1))
        return false;
    return child_give_up_capabilities() &&
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static void run_worker(int fd, const struct resolver_question *question)
{
    sigset_t none;

    (void)signal(SIGALRM, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    (void)alarm(RESOLVER_LIFE_S);
    resolver_work(fd, question);
    _exit(0);
}

/* For a worker that could not say so itself. */
static void end_question(struct spawner *spawner, uint32_t number, int why)
{
    struct resolver_reply reply = {
        .number = number, .kind = RESOLVER_END, .status = {why, why}};

    (void)send(spawner->fd, &reply, RESOLVER_REPLY_SIZE(0), MSG_NOSIGNAL);
}

static void spawn(
    struct spawner *spawner, const struct resolver_question *question)
{
    pid_t parent = getpid(), pid = child_fork();

    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            run_worker(spawner->fd, question);
        _exit(1);
    }
    if (pid == -1)
        end_question(spawner, question->number, RESOLVER_BUSY);
    else
        spawner->workers[spawner->count++] =
            (struct spawned){.pid = pid, .number = question->number};
}

static void take_question(struct spawner *spawner)
{
    struct resolver_question question;
    ssize_t got = recv(spawner->fd, &question, sizeof question, 0);

    if (got == -1 && errno == EINTR)
        return;
    if (got != (ssize_t)sizeof question)
        _exit(got != 0);
    question.name[sizeof question.name - 1] = '\0';
    question.full[sizeof question.full - 1] = '\0';
    spawn(spawner, &question);
}

static void forget(struct spawner *spawner, pid_t pid, int status)
{
    size_t i = 0;

    while (i < spawner->count && spawner->workers[i].pid != pid)
        i++;
    /* Not ours, but a worker's, which has ended before. */
    if (i == spawner->count)
        return;
    uint32_t number = spawner->workers[i].number;
    spawner->workers[i] = spawner->workers[--spawner->count];
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        end_question(spawner, number, RESOLVER_LATE);
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        end_question(spawner, number, RESOLVER_DIED);
}

static void reap(struct spawner *spawner)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    if (read(spawner->ended_fd, &info, sizeof info) == -1 && errno != EAGAIN)
        _exit(1);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        forget(spawner, pid, status);
}

static void serve(struct spawner *spawner)
{
    for (;;) {
        bool has_room = spawner->count < RESOLVER_QUESTIONS_MAX;
        struct pollfd ready[] = {
            {.fd = spawner->ended_fd, .events = POLLIN},
            {.fd = spawner->fd, .events = has_room ? POLLIN : 0},
        };
        if (poll(ready, 2, -1) == -1 && errno != EINTR)
            _exit(1);
        if ((ready[0].revents & POLLIN) != 0)
            reap(spawner);
        if ((ready[1].revents & POLLIN) != 0)
            take_question(spawner);
        else if ((ready[1].revents & (POLLHUP | POLLERR)) != 0)
            _exit(0);
    }
}

void resolver_serve(int fd)
{
    struct spawner spawner = {.fd = child_keep_only(fd)};
    struct resolver_identity identity;
    sigset_t ended;

    if (spawner.fd == -1)
        _exit(1);
    (void)setpgid(0, 0);
    set_signals();
    leave_terminal();
    (void)prctl(PR_SET_NAME, "resolver");
    /* A worker's own child that is left over is ours to wait for, not the
     * daemon's, which may be the first process of a container. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    spawner.ended_fd = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
    if (spawner.ended_fd == -1)
        _exit(1);
    ssize_t got = recv(spawner.fd, &identity, sizeof identity, 0);
    if (got != (ssize_t)sizeof identity || !give_up_rights(&identity))
        _exit(got != 0);
    serve(&spawner);
    _exit(0);
}
