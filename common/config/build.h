/*
 * build.h - the steps from values to a snapshot, in the order of config.c.
 *
 * Each finds the contradictions of its own part, and fails with the place of
 * the first and how to mend it. What a failed step has allocated is freed
 * with the snapshot.
 */
#ifndef TOLLGATE_CONFIG_BUILD_H
#define TOLLGATE_CONFIG_BUILD_H

#include "common/config/config.h"
#include "common/config/limit_section.h"
#include "common/config/values.h"

/* One more of config->warnings. */
void build_warn(struct config *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Two listeners at one place. */
bool build_check_sockets(const struct config *, struct error *err);
/* nat64_prefixes have lengths that RFC 6052 knows. */
bool build_check_nat64(const struct config *, struct error *err);
/* A password given twice, TLS for a store without. */
bool build_check_store(const struct config *, struct error *err);

/* Fills the services from their sections. False: err. */
bool build_services(struct config *, struct error *err);
/* A gate for each service with pass_to, and such a service for each gate. */
bool build_gates(struct config *, struct error *err);
/* The section that a service was made of. */
const struct section *build_service_section(
    const struct config *, const struct config_service *);
/* What services say of their proxies; needs the listeners and the gates. */
bool build_proxies(struct config *, struct error *err);
void build_clear_proxies(struct config_service *);
/* time_zone, if one is given, names one. */
bool build_time_zone(struct config *, struct error *err);
/* Do the window and the rate of a limit go together? */
bool build_check_window(
    const struct section *, const struct limit_section *, struct error *err);
/* The periods of the limit of this section; *calendar_r NULL: it has none.
 * False: there is no time zone. */
bool build_calendar(struct config *, const struct section *,
    const struct limit_section *, struct calendar **calendar_r,
    struct error *err);
/* config->limits from the client_* options. */
bool build_client_limits(struct config *, struct error *err);
/* Appends the limit sections, in the order of the file. */
bool build_section_limits(struct config *, struct error *err);
/* The percentage that notify_at says; 0: none. */
uint8_t build_notify_at(const struct limit_section *);
/* What a limit section says of notify. */
bool build_check_notify(
    const struct section *, const struct limit_section *, struct error *err);
/* config->feeds, and no more counters in one request than a store takes. */
bool build_feeds(struct config *, struct error *err);

/* Fills the certificates from their sections. False: err. */
bool build_certificates(struct config *, struct error *err);
/* Frees what build_certificates has made. */
void build_clear_certificates(struct config *);
/* Is that one of the service's names, or its title? */
bool build_service_has_name(const struct config_service *, const char *name);

/* A new limit at the end of config->limits, zeroed. */
struct limit *build_add_limit(struct config *);

/* That face has a listener. */
bool build_has_face(const struct config *, enum face);

/* The option that gives a face its listener. */
const char *build_listen_option(enum face);

/* Is the limit only for some senders, logins or recipients? */
bool build_has_names(const struct limit_section *);
/* Whom it is for; the limit's. NULL: for all. Files are read. */
bool build_names(struct config *, const struct section *,
    const struct limit_section *, struct limit_names **names_r,
    struct error *err);
/* Frees the files of all limits, after the limits. */
void build_clear_names(struct config *);

/* The face that is to feed a limit section, or why none can. */
bool build_choose_face(const struct config *, const struct section *,
    const struct limit_section *, enum face *face_r, struct error *err);

/* The lengths of a key, or the global ones. */
struct limit_prefixes build_prefixes(
    const struct config *, const struct limit_section_key *);

/* on_refusal and escalate of a section that this face feeds. False: err. */
bool build_penalty(const struct config *, const struct section *,
    const struct limit_section *, enum face, struct limit_penalty *penalty_r,
    bool *holds_r, struct error *err);

/* Puts all values of a section into the struct at base. */
void build_store(const struct section *, void *base);

#endif
