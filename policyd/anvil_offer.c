/*
 * anvil_offer.c - the helper's end of the hand-over.
 *
 * An offer that timed out is taken back by shutting our end down: from then
 * on policyd's TAKEN fails in the kernel, and one that was sent before is
 * still there to be read. So there is no moment in which both or neither
 * would serve smtpd, however late policyd wakes up.
 */
#include "policyd/anvil_offer.h"

#include "common/net/descriptor.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t anvil_offer_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Non-blocking: a full backlog is EAGAIN at once. -1 with errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    int fd;

    if (len >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, len);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == -1) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Waits until there is something to read, or the time is over. */
static bool wait_for_answer(int fd, int patience_ms)
{
    int64_t deadline = anvil_offer_clock_ms() + patience_ms;
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};

    for (;;) {
        int64_t left = deadline - anvil_offer_clock_ms();
        int ready = poll(&pollfd, 1, left > 0 ? (int)left : 0);
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

static enum anvil_offer_result settle(int fd, int patience_ms, int *errno_r)
{
    bool is_in_time = wait_for_answer(fd, patience_ms);
    char answer = '\0';

    if (!is_in_time)
        shutdown(fd, SHUT_RDWR);
    if (recv(fd, &answer, 1, MSG_DONTWAIT) == 1 && answer == ANVIL_PASS_TAKEN)
        return ANVIL_OFFER_TAKEN;
    if (!is_in_time)
        return ANVIL_OFFER_HUNG;
    *errno_r = ECONNRESET;
    return ANVIL_OFFER_AWAY;
}

enum anvil_offer_result anvil_offer(
    const char *path, char state, int descriptor, int patience_ms, int *errno_r)
{
    enum anvil_offer_result result = ANVIL_OFFER_AWAY;
    int fd = connect_to(path);

    *errno_r = errno;
    if (fd == -1)
        return ANVIL_OFFER_AWAY;
    if (descriptor_send(fd, state, descriptor))
        result = settle(fd, patience_ms, errno_r);
    else
        *errno_r = errno;
    close(fd);
    return result;
}
