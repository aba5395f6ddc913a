/*
 * limit_section.h - a limit section as it is written.
 */
#ifndef TOLLGATE_CONFIG_LIMIT_SECTION_H
#define TOLLGATE_CONFIG_LIMIT_SECTION_H

#include "common/config/config.h"
#include "common/config/options.h"

/* The lengths are 1 + the number that is given; 0: none is. */
struct limit_section_key {
    uint16_t parts; /* bits: 1u << enum key_part */
    uint8_t ipv4, ipv6;
    bool is_client_twice; /* with two lengths */
};

struct limit_section_event {
    enum event_kind kind;
    uint8_t ipv4, ipv6; /* of networks; as above */
};

struct limit_section {
    unsigned at; /* 0: not given, else 1 + enum face */
    struct limit_section_event event;
    struct limit_section_key key;
    struct rate rate;
    uint32_t count;
    uint32_t max_per_message;
    unsigned window; /* 0: not given, else 1 + enum limit_window */
    char **services;
    struct cidr_list clients;
    char **senders, **logins, **recipients;
    enum limit_auth authenticated;
    char *action;
    bool shadow;
    char **notify;
    uint64_t notify_every_ms;
    char *notify_at;           /* "": not given */
    unsigned on_store_failure; /* 0: not given, else 1 + enum store_failure */
};

#endif
