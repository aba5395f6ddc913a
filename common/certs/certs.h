/*
 * certs.h - certificates that go live with the next handshake.
 *
 * Looks at the source of every certificate section when something happens
 * there, and once a minute; checks what it finds, keeps what is good in
 * memory for the SNI face, and publishes it: file, refresh map, command. A
 * source that is half-written, wrong or away changes nothing: the last good
 * certificate stays, one log line says what is wrong, and it is tried again.
 */
#ifndef TOLLGATE_CERTS_CERTS_H
#define TOLLGATE_CERTS_CERTS_H

#include "common/config/config.h"

#include <sys/types.h>

struct certs;
struct evbuffer;
struct event_base;

/* Before privileges are dropped: folders of our own and the helper. */
struct certs_start {
    int command_fd; /* of command.h; -1: none */
};
bool certs_prepare(const struct config *, uid_t uid, gid_t gid,
    struct certs_start *, struct error *err);

/* Holds the snapshot. All sources have been looked at when it returns. */
struct certs *certs_new(
    struct event_base *, struct config *, const struct certs_start *);
void certs_free(struct certs **);

/* A new snapshot, or the same: every source is read again now. */
void certs_reload(struct certs *, struct config *);
/* A successor publishes from now on; we only answer those still connected. */
void certs_retire(struct certs *);

/*
 * The reply of the socketmap for a name, in lower case: key and certificates
 * that cover it, as a netstring. NULL: none. Valid until the loop goes on.
 */
const char *certs_find(const struct certs *, const char *name, size_t *len_r);

/* In Prometheus' text format. */
void certs_write_metrics(const struct certs *, struct evbuffer *);

#endif
