/*
 * listen.h - one item of policyd.listen.
 */
#ifndef TOLLGATE_CONFIG_LISTEN_H
#define TOLLGATE_CONFIG_LISTEN_H

#include "common/config/config.h"

/* Leaves *listener_r zero if it fails. */
bool listen_parse(
    const char *text, struct config_listener *listener_r, struct error *err);
void listen_clear(struct config_listener *);

/* The face that answers there. */
enum face listen_face(const struct config_listener *);

#endif
