/*
 * clock_shim.c - LD_PRELOADed into a Redis: its wall clock is a shared page.
 *
 * $CLOCK_PAGE names a file whose first 8 bytes are µs since 1970. TIME and
 * every key's expiry then follow the test's clock; timers (CLOCK_MONOTONIC)
 * do not. Without the page the process ends: a trial on the wrong clock would
 * prove nothing.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t *clock_us;

__attribute__((constructor)) static void map_clock(void)
{
    const char *path = getenv("CLOCK_PAGE");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *page =
        fd == -1 ? MAP_FAILED
                 : mmap(NULL, sizeof *clock_us, PROT_READ, MAP_SHARED, fd, 0);

    if (page == MAP_FAILED)
        _exit(2);
    clock_us = page;
    close(fd);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    uint64_t us = *clock_us;

    now->tv_sec = (time_t)(us / 1000000);
    now->tv_usec = (suseconds_t)(us % 1000000);
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    uint64_t us;

    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, now);
    us = *clock_us;
    now->tv_sec = (time_t)(us / 1000000);
    now->tv_nsec = (long)(us % 1000000) * 1000;
    return 0;
}
