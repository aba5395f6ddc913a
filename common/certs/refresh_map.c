/*
 * refresh_map.c - see refresh_map.h.
 *
 * Source: D. J. Bernstein, cdb: "A structure for constant databases": 256
 * tables at the start, each a position and a number of entries.
 */
#include "common/certs/refresh_map.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#define TABLES      256
#define DATE_MARGIN 100 /* ms: a file's date is that of the last tick */

void refresh_map_fill(unsigned char map_r[REFRESH_MAP_SIZE])
{
    memset(map_r, 0, REFRESH_MAP_SIZE);
    for (size_t i = 0; i < TABLES; i++)
        map_r[8 * i + 1] = REFRESH_MAP_SIZE >> 8;
}

static int64_t date_ms(const struct stat *status)
{
    return (int64_t)status->st_mtim.tv_sec * 1000 +
           status->st_mtim.tv_nsec / 1000000;
}

bool refresh_map_is_behind(const char *map, const char *chain)
{
    struct stat of_map, of_chain;

    if (stat(chain, &of_chain) == -1)
        return false;
    return stat(map, &of_map) == -1 ||
           date_ms(&of_map) <
               date_ms(&of_chain) + REFRESH_MAP_AGAIN_MS - DATE_MARGIN;
}
