/*
 * show.h - texts as tollgate.conf has them, and the fingerprint of what
 * config_show writes.
 */
#ifndef TOLLGATE_CONFIG_SHOW_H
#define TOLLGATE_CONFIG_SHOW_H

#include "common/config/config.h"
#include "common/config/options.h"

/* 16 hex digits and a NUL: the beginning of SHA-256 over config_show. */
void show_hash(const struct config *, char hash_r[17]);

/* What people may see of an item of that option: passwords are "(hidden)", and
 * so is all of a webhook but scheme, host and port. The caller frees. */
char *show_hidden(const struct option *, const char *item);

/* In double quotes, so that it is read back as it is; hides_password: the one
 * of a URL is written as "(hidden)". */
void show_text(const char *text, bool hides_password, FILE *out);

#endif
