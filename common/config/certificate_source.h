/*
 * certificate_source.h - takes a certificate's source apart: "KIND:PATH", or
 * "pem:CERTIFICATE,KEY".
 */
#ifndef TOLLGATE_CONFIG_CERTIFICATE_SOURCE_H
#define TOLLGATE_CONFIG_CERTIFICATE_SOURCE_H

#include "common/config/config.h"

/* The caller frees the paths; the second is NULL for all kinds but pem. */
bool certificate_source_parse(const char *text, enum certificate_source *kind_r,
    char *paths_r[2], struct error *err);

#endif
