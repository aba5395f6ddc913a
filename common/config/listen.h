/*
 * listen.h - one item of policyd.listen, and milter.listen.
 */
#ifndef TOLLGATE_CONFIG_LISTEN_H
#define TOLLGATE_CONFIG_LISTEN_H

#include "common/config/config.h"

/* Bytes of a unix socket's path: as many as leave room in sockaddr_un for
 * the ".PID" of the name that it is bound under before it is renamed. */
#define LISTEN_PATH_MAX 99

/* Leaves *listener_r zero if it fails. */
bool listen_parse(
    const char *text, struct config_listener *listener_r, struct error *err);
/*
 * milter.listen: "unix:PATH" or "inet:ADDRESS:PORT", the face left out. The
 * face is "milter". Leaves *listener_r zero if it fails.
 */
bool listen_parse_milter(
    const char *text, struct config_listener *listener_r, struct error *err);
void listen_clear(struct config_listener *);

/* The face that answers there; FACES for sni and gate, which feed no
 * limit. */
enum face listen_face(const struct config_listener *);

#endif
