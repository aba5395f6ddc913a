/*
 * option_checks.h - the formats of single options: false, and err says what is
 * allowed. No text that may hold a password is repeated in err.
 */
#ifndef TOLLGATE_CONFIG_OPTION_CHECKS_H
#define TOLLGATE_CONFIG_OPTION_CHECKS_H

#include "common/base/error.h"

#include <stddef.h>
#include <stdint.h>

/* memory:, or a URL of Redis, Sentinel or Cluster. */
bool option_check_store(const char *text, struct error *err);
/* 1 to 64 printable characters, without space { } * ? [ ] and backslash. */
/* A login, or "@domain". */
bool option_check_login(const char *text, struct error *err);
/* An address, or "@domain". */
bool option_check_mailbox(const char *text, struct error *err);
bool option_check_prefix(const char *text, struct error *err);
/* stderr, syslog:FACILITY or file:PATH. */
bool option_check_log(const char *text, struct error *err);
/* ADDRESS:PORT, or empty. */
bool option_check_http(const char *text, struct error *err);
/* A socket that libmilter can open. */
bool option_check_milter_listen(const char *text, struct error *err);
/* Letters, digits and hyphens. */
bool option_check_header(const char *text, struct error *err);
/* A reply that refuses, with no other %{...} than verdict_action knows. */
bool option_check_action(const char *text, struct error *err);
bool option_check_ban_action(const char *text, struct error *err);
/* Printable ASCII without spaces, letters, digits, '@' and '"'; or "". */
bool option_check_delimiter(const char *text, struct error *err);
bool option_check_source(const char *text, struct error *err);
bool option_check_verify(const char *text, struct error *err);
/* Absolute, and not a folder. */
bool option_check_path_or_empty(const char *text, struct error *err);
/* Short enough for a unix socket. */
bool option_check_socket_or_empty(const char *text, struct error *err);
/* The same, ending in ".cdb". */
bool option_check_map_or_empty(const char *text, struct error *err);
/* A network, "file:/path" or "dns:name". */
bool option_check_proxy(const char *text, struct error *err);
bool option_check_frontend(const char *text, struct error *err);
/* Printable, without spaces. */
bool option_check_word(const char *text, struct error *err);
bool option_check_word_or_empty(const char *text, struct error *err);

/*
 * "192.0.2.1:80" or "[2001:db8::1]:80" into an address without brackets,
 * owned by the caller, and a port of 1 to 65535.
 */
bool option_split_address(
    const char *text, char **host_r, uint16_t *port_r, struct error *err);

/* A port of 1 to 65535, without zeros before it. */
bool option_parse_port(const char *text, uint16_t *port_r);

/*
 * The password in "redis://user:password@host"; NULL if there is none. Takes
 * too much rather than too little where one holds '@' or '/' as it is.
 */
const char *option_find_password(const char *url, size_t *len_r);

#endif
