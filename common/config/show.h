/*
 * show.h - what config_show writes, as a fingerprint.
 */
#ifndef TOLLGATE_CONFIG_SHOW_H
#define TOLLGATE_CONFIG_SHOW_H

#include "common/config/config.h"

/* 16 hex digits and a NUL: the beginning of SHA-256 over config_show. */
void show_hash(const struct config *, char hash_r[17]);

#endif
