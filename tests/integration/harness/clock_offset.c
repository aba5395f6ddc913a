/*
 * clock_offset.c - LD_PRELOADed into a Redis or a daemon: its wall clock is off
 * by $CLOCK_OFFSET seconds, or by those in the file of this name, which can
 * change. Timers (CLOCK_MONOTONIC) are not.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset_in(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd == -1 ? 0 : read(fd, text, sizeof text - 1);

    if (fd != -1)
        close(fd);
    return len <= 0 ? 0 : strtol(text, NULL, 10);
}

static long clock_offset(void)
{
    const char *text = getenv("CLOCK_OFFSET");
    if (text != NULL && text[0] == '/')
        return offset_in(text);
    return text == NULL ? 0 : strtol(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        now->tv_sec += clock_offset();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    (void)clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = (suseconds_t)(exact.tv_nsec / 1000);
    return 0;
}
