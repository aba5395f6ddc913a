/*
 * verify_place.h - takes a place of the option verify apart:
 * "[proxy:][tls:]HOST:PORT", what is sent first standing first.
 */
#ifndef TOLLGATE_CONFIG_VERIFY_PLACE_H
#define TOLLGATE_CONFIG_VERIFY_PLACE_H

#include "common/config/config.h"

/* verify_place_clear frees what place_r gets. False: err; nothing is to be
 * freed. */
bool verify_place_parse(
    const char *text, struct config_verify_place *place_r, struct error *err);
void verify_place_clear(struct config_verify_place *);

#endif
