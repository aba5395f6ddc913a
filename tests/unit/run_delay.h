/*
 * run_delay.h - what a busy machine adds to every time that a test measures.
 */
#ifndef TOLLGATE_TESTS_RUN_DELAY_H
#define TOLLGATE_TESTS_RUN_DELAY_H

#include <stdint.h>

/* For how long this process could have run, and had no processor, since it
 * began; 0 where the kernel does not say (proc(5), schedstat). */
uint64_t run_delay_ms(void);

#endif
