/*
 * clock_offset.c - LD_PRELOADed into a Redis: its wall clock is off by
 * $CLOCK_OFFSET seconds. Timers (CLOCK_MONOTONIC) are not.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long clock_offset(void)
{
    const char *text = getenv("CLOCK_OFFSET");
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
