/*
 * clock.h - the two clocks, in ms. Only daemons read them; everything that
 * decides takes `now_ms` as an argument, so tests bring their own.
 */
#ifndef TOLLGATE_BASE_CLOCK_H
#define TOLLGATE_BASE_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

/* CLOCK_MONOTONIC: for spans, deadlines and the memory store. */
uint64_t clock_monotonic_ms(void);
/* CLOCK_MONOTONIC in µs, for measuring round trips. */
uint64_t clock_monotonic_us(void);
/* CLOCK_MONOTONIC of the last tick, a few ms old, at a fraction of the cost:
 * for lifetimes of minutes and more. */
uint64_t clock_coarse_ms(void);
/* CPU time of the calling thread in µs, for measuring what work costs. */
uint64_t clock_cpu_us(void);
/* CLOCK_REALTIME: for what people read. */
uint64_t clock_wall_ms(void);
/* The same in whole seconds since 1970. */
int64_t clock_wall_s(void);

/* A span, as the event loop's timers want it. */
struct timeval clock_span(uint64_t ms);

#endif
