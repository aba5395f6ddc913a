/*
 * refresh_map.h - the empty cdb that retires smtpd processes: one that has it
 * open ends before its next client when the file is renamed over.
 */
#ifndef TOLLGATE_CERTS_REFRESH_MAP_H
#define TOLLGATE_CERTS_REFRESH_MAP_H

#include <stdbool.h>

#define REFRESH_MAP_SIZE 2048
#define REFRESH_MAP_MODE 0644
/* After the first time: an smtpd that starts between the chain and the map
 * has the old chain and the new map. */
#define REFRESH_MAP_AGAIN_MS 2000

/* Writes an empty cdb(5); it is the same at each call. */
void refresh_map_fill(unsigned char map_r[REFRESH_MAP_SIZE]);

/* By their dates: the map has not been renamed over twice since the chain was
 * written. False if there is no chain. */
bool refresh_map_is_behind(const char *map, const char *chain);

#endif
