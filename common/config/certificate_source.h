/*
 * certificate_source.h - takes a certificate's source apart: "KIND:PATH",
 * "pem:CERTIFICATE,KEY[,CHAIN]", or "traefik:FILE[#RESOLVER]".
 */
#ifndef TOLLGATE_CONFIG_CERTIFICATE_SOURCE_H
#define TOLLGATE_CONFIG_CERTIFICATE_SOURCE_H

#include "common/config/config.h"

/* The parts in their order, NULL for each that is not there; a RESOLVER is the
 * second. certificate_source_clear frees them. False: err; there are none. */
bool certificate_source_parse(const char *text, enum certificate_source *kind_r,
    char *paths_r[CERTIFICATE_PATHS], struct error *err);
void certificate_source_clear(char *paths[CERTIFICATE_PATHS]);

#endif
