/*
 * sources.h - where values come from: the file, the environment, -o.
 *
 * Each sets what it holds in values, and fails with the place of the first
 * mistake. They are called in the order of their rank.
 */
#ifndef TOLLGATE_CONFIG_SOURCES_H
#define TOLLGATE_CONFIG_SOURCES_H

#include "common/config/values.h"

/* A tollgate.conf and what it includes. */
bool source_read_file(const char *path, struct values *, struct error *err);

/* TOLLGATE_NAME and TOLLGATE_NAME_FILE of every option outside of sections. */
bool source_read_environment(struct values *, struct error *err);

/*
 * Is it ("NAME=VALUE", as in environ) a TOLLGATE_ variable that no option
 * reads, two letters at most from one that an option does? Both names go to
 * buffers of VARIABLE_SIZE.
 */
#define VARIABLE_SIZE 64
bool source_look_at_variable(
    const struct values *, const char *variable, char *name_r, char *meant_r);

/* One "NAME=VALUE"; NAME may be "policyd.http". */
bool source_read_override(const char *text, struct values *, struct error *err);

#endif
