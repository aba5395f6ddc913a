/*
 * certificate_source.h - takes a certificate's source apart: "KIND:PATH",
 * "pem:CERTIFICATE,KEY[,CHAIN]", or "traefik:FILE[#RESOLVER]".
 */
#ifndef TOLLGATE_CONFIG_CERTIFICATE_SOURCE_H
#define TOLLGATE_CONFIG_CERTIFICATE_SOURCE_H

#include "common/config/config.h"

/* certificate_source_clear frees what source_r gets. False: err; nothing is to
 * be freed. */
bool certificate_source_parse(const char *text,
    struct config_certificate_source *source_r, struct error *err);
void certificate_source_clear(struct config_certificate_source *);

#endif
