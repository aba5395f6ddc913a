/*
 * run_delay.c - see run_delay.h.
 */
#include "tests/unit/run_delay.h"

#include <inttypes.h>
#include <stdio.h>

uint64_t run_delay_ms(void)
{
    uint64_t ran_ns, delay_ns;
    FILE *file = fopen("/proc/self/schedstat", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%" SCNu64 " %" SCNu64, &ran_ns, &delay_ns) != 2)
        delay_ns = 0;
    (void)fclose(file);
    return delay_ns / 1000000;
}
