/*
 * config.h - one immutable snapshot of tollgate.conf.
 *
 * Built whole or not at all (config_load), counted by reference, swapped by
 * pointer at a reload: whoever began with a snapshot ends with it. Used from
 * the loop thread only, so nothing is locked. Everything in it is owned by it.
 * Options are described once, in options.c.
 */
#ifndef TOLLGATE_CONFIG_CONFIG_H
#define TOLLGATE_CONFIG_CONFIG_H

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/core/claim.h"
#include "common/core/limit.h"

#include <stddef.h>
#include <stdio.h>

enum service_proof {
    SERVICE_PROOF_REQUIRED,
    SERVICE_PROOF_OPTIONAL,
    SERVICE_PROOF_OFF
};
enum unproxied_mail { UNPROXIED_ACCEPT, UNPROXIED_DEFER };

/* A service section: a Postfix listener, known by its true local port, else
 * by its names. */
struct config_service {
    char *title;
    char **names;  /* NULL-terminated; the title always counts as a name */
    uint32_t port; /* 0: not given */
    bool proxied;
    char **trusted_proxies; /* NULL-terminated, as written */
    enum service_proof proof;
    char **frontends; /* as written */
    enum unproxied_mail unproxied_mail;
    char *pass_to; /* "": no gate; else the socket of a pass service */
    uint64_t pass_timeout_ms, header_timeout_ms;
    bool tls_wrapper;
    uint32_t max_sessions_in_hand; /* of one client */

    /* Made of the above. */
    const char *pass_name; /* what master.cf calls that service; NULL: none */
    bool wants_proof;      /* the peer, or only the port */
    struct cidr_list trusted_nets; /* of trusted_proxies */
    char **trusted_sources; /* its "file:" and "dns:", NULL-terminated; only
                               the array is owned */
    struct claim_frontend *frontend_list;
    size_t frontend_count;
};

/* A face's listener: "policy:unix:/path" or "policy:inet:host:port". */
struct config_listener {
    char *text; /* as written: its identity over a reload or restart */
    char *face; /* "policy" "anvil" "anvil-pass" "sni" "gate" */
    bool is_inet;
    char *path; /* unix; absolute */
    char *host; /* inet: an address, never a name */
    uint16_t port;
};

struct config_listeners {
    struct config_listener *items;
    size_t count;
};

/* Where a certificate comes from, in the order of their words. */
enum certificate_source {
    CERTIFICATE_TRAEFIK,   /* paths: acme.json */
    CERTIFICATE_CERTBOT,   /* a folder */
    CERTIFICATE_PEM,       /* certificate, key */
    CERTIFICATE_COMBINED,  /* one file */
    CERTIFICATE_K8S,       /* a folder */
    CERTIFICATE_CADDY,     /* a folder */
    CERTIFICATE_COMPANION, /* a folder */
    CERTIFICATE_SOURCES,
};

#define CERTIFICATE_PATHS 3 /* the parts that a source may have */

/* One source of a certificate section. */
struct config_certificate_source {
    enum certificate_source kind;
    char *paths[CERTIFICATE_PATHS]; /* absolute; of CERTIFICATE_TRAEFIK the
                                     * second is a resolver's name; NULL: none
                                     */
};

/* Where Postfix, or any server, is asked what it serves. */
struct config_verify_place {
    char *text; /* as written */
    char *host; /* an address without brackets, or a name */
    uint16_t port;
    bool sends_proxy; /* a PROXY header first */
    bool is_wrapped;  /* TLS from the beginning, no STARTTLS */
};

/* A certificate section. */
struct config_certificate {
    char *title;
    char **names; /* served; in lower case, NULL-terminated; of several the
                     first that there is a certificate for */
    char **source_texts; /* as written, NULL-terminated */
    char *source;        /* the same in one line, for people */
    struct config_certificate_source
        *sources; /* one for each text; one at least */
    size_t source_count;
    bool sni;
    char *default_chain; /* "": none */
    char *refresh_map;   /* "": none */
    char **on_change;    /* argv, NULL-terminated; empty: none */
    uint64_t on_change_timeout_ms;
    uint64_t expiry_warning_ms; /* 0: certificate_expiry_warning's */
    char **verify_texts;        /* as written, NULL-terminated */
    char *verify;               /* the same in one line, for people; "": none */
    struct config_verify_place *verify_places; /* one for each text */
    size_t verify_count;
};

/* Limits that one face feeds with one kind of event. */
struct config_feed {
    const struct limit **limits;
    size_t count;
};

struct values;

struct config {
    unsigned references;
    bool warns;            /* some limit has notify_at */
    bool counts_distinct;  /* some limit counts different values */
    struct values *values; /* every option as text, for config_show */
    char *path;            /* NULL: no file was read */
    char hash[17]; /* 64 bits of SHA-256 over all values but secrets (so that
                      nobody guesses one from it), hex */

    char *store;
    char *store_prefix;
    uint64_t store_timeout_ms;
    enum store_failure on_store_failure;
    char *store_username;
    char *store_password;
    /* "": the same as in Redis. */
    char *store_sentinel_username, *store_sentinel_password;
    char *store_tls_ca_file;                        /* "": the system's */
    char *store_tls_cert_file, *store_tls_key_file; /* "": none */
    char *store_tls_server_name;                    /* "": what is dialed */
    char *instance_name;
    uint64_t lease_ttl_ms;

    struct {
        unsigned at;             /* 0: not given, else 1 + enum face */
        uint32_t n[EVENT_KINDS]; /* 0: reporting only */
        enum limit_window window;
    } client; /* the client_* options as given; the limits come from them */
    uint64_t rate_time_unit_ms;
    char *time_zone;        /* "": the system's */
    struct time_zone *zone; /* that one; NULL: no limit needs it */
    char *recipient_delimiter;
    struct limit_prefixes prefixes; /* with recipient_delimiter */
    uint32_t new_keys_per_client;   /* 0: no bound */
    enum unsent_messages {
        UNSENT_AUTO, /* given back where Postfix is known to ask at the end */
        UNSENT_REFUND,
        UNSENT_KEEP,
    } unsent_messages;
    struct cidr_list exempt_clients;
    struct cidr_list nat64_prefixes; /* of 32, 40, 48, 56, 64 or 96 bits */
    struct cidr_list impossible_clients;
    char *ban_action; /* "": the words of the part; verdict.h */
    bool shadow;
    bool reports;
    struct config_service *services;
    size_t service_count;
    bool has_gates;       /* one of them has pass_to */
    bool judges_peers;    /* one of them is proxied or wants proof */
    bool wants_proof;     /* of one at least the kernel is asked: those that
                             have a gate need no other proof */
    bool requires_proof;  /* one that is proxied has proof = required */
    struct limit *limits; /* client_* that are > 0 first, then the sections */
    size_t limit_count;
    struct name_file **name_files; /* of limits; to be looked at */
    size_t name_file_count;
    struct config_feed feeds[FACES][EVENT_KINDS]; /* into limits */

    struct {
        struct config_listeners listen;
        unsigned socket_mode;
        char *socket_group;
        struct cidr_list allowed_peers;
        uint32_t gate_connections;
        bool anvil_greeting;
        char *control; /* a path, "" = off */
        char *http;    /* "host:port", "" = off */
    } policyd;
    struct {
        char *listen; /* "unix:/path" or "inet:host:port", "" = off */
        char *header; /* the name of a header to add, "" = none */
        char *control;
        char *http;
    } milter;

    struct config_certificate *certificates;
    size_t certificate_count;
    uint64_t certificate_expiry_warning_ms;

    char *control_group; /* "": leave it */
    unsigned control_mode;
    char **control_admins; /* users and "@groups"; NULL-terminated */

    char *postfix_user;
    char *user, *group;
    uint64_t drain_timeout_ms;
    bool http_status;
    char *log;
    enum log_format log_format;
    enum log_level log_level;
    enum log_refusals {
        LOG_REFUSALS_GATHERED, /* alike: one a second, with their number */
        LOG_REFUSALS_ALL,
    } log_refusals;

    char **warnings; /* what loads, but is hardly meant; each as an error is */
    size_t warning_count;
};

/* Where values come from; the later wins: file, environment, overrides. */
struct config_source {
    const char *path; /* NULL: the one that -h names, if it exists */
    const char *const *overrides; /* "NAME=VALUE", from -o */
    size_t override_count;
};

/* NULL with "file:line: name: what is wrong; what is allowed". */
struct config *config_load(const struct config_source *, struct error *err);

/*
 * A client behind NAT64 or SIIT (nat64_prefixes) becomes its IPv4 address; one
 * known only as a network stays. 64:ff9b::/96 holds no private, loopback or
 * other special address (RFC 6052, 3.1): such ones stay, too, for nobody is to
 * come into exempt_clients by them.
 */
void config_fold_client(const struct config *, struct cidr *client);

/*
 * The name in the store of what anvil counts per (service, client). All rates
 * of a fixed window share one name, and EVENT_* is their charge's field,
 * because anvil lets them expire together; reports are always fixed. Limit
 * sections have names of two characters and more.
 */
const char *config_client_store_name(enum event_kind, enum limit_window);

/* One more holder; returns its argument. */
struct config *config_ref(struct config *);
/* One holder less, and *config is NULL; the last one frees the snapshot. */
void config_unref(struct config **);

/*
 * The service section of a session: the one with this port, else, of those
 * that do not name another port, the one with this name. port 0: not known,
 * the name alone decides. NULL: none.
 */
const struct config_service *config_find_service(
    const struct config *, const char *name, uint16_t port);

/* The service that a gate at this port is for. NULL: none. */
const struct config_service *config_find_gate(
    const struct config *, uint16_t port);

/* Is this the name of the pass service that a gate hands the clients of this
 * service to? No client can come there by another way. */
bool config_is_behind_gate(const struct config_service *, const char *name);

/* Is there such a listener of policyd over inet? */
bool config_has_inet(const struct config *, const char *face);

/*
 * The title of the service section one of whose names this is, else the name
 * itself. The result lives as long as both.
 */
const char *config_service_title(const struct config *, const char *name);

enum config_show { CONFIG_SHOW_ALL, CONFIG_SHOW_CHANGED, CONFIG_SHOW_DEFAULTS };

/*
 * As a tollgate.conf that loads again, apart from passwords: "(hidden)".
 * CHANGED: what differs from the defaults. DEFAULTS: the defaults themselves,
 * of the options outside of titled sections.
 */
void config_show(const struct config *, enum config_show, FILE *out);

/* Equal values, those that are not shown too. Sections in another order are a
 * difference. */
bool config_is_same(const struct config *, const struct config *);

/* The options in both that only a restart changes and whose values differ: at
 * most max of them; returns how many. */
size_t config_restart_options(const struct config *, const struct config *,
    const char **names_r, size_t max);

#endif
