/*
 * show.h - texts as tollgate.conf has them, and the fingerprint of what
 * config_show writes.
 */
#ifndef TOLLGATE_CONFIG_SHOW_H
#define TOLLGATE_CONFIG_SHOW_H

#include "common/config/config.h"

/* 16 hex digits and a NUL: the beginning of SHA-256 over config_show. */
void show_hash(const struct config *, char hash_r[17]);

/* In double quotes, so that it is read back as it is; hides_password: the one
 * of a URL is written as "(hidden)". */
void show_text(const char *text, bool hides_password, FILE *out);

#endif
