/*
 * options.c - the one table of all options of tollgate.conf.
 *
 * Data only: reading a value of each type is in option_types.c, single
 * formats are in option_checks.c, and what contradicts what is where the
 * configuration is built. A new option is one row here, one field, and its
 * paragraph in the man page and the sample.
 */
#include "common/config/options.h"

#include "common/config/limit_section.h"
#include "common/config/option_checks.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const store_failure_words[] = {
    "local", "accept", "defer", NULL};
static const char *const limit_failure_words[] = {
    "", "local", "accept", "defer", NULL};
static const char *const at_words[] = {"", FACES_ALL(WORD_ITEM) NULL};
static const char *const window_words[] = {"sliding", "fixed", NULL};
/* "", then in the order of enum limit_window. */
static const char *const limit_window_words[] = {
    "", "sliding", "fixed", "calendar", NULL};
static const char *const auth_words[] = {"any", "yes", "no", NULL};
static const char *const log_format_words[] = {"text", "json", NULL};
static const char *const log_level_words[] = {
    "debug", "info", "warn", "error", NULL};
/* In the order of enum log_refusals. */
static const char *const log_refusals_words[] = {"gathered", "all", NULL};
static const char *const proof_words[] = {"required", "optional", "off", NULL};
/* In the order of enum unsent_messages. */
static const char *const unsent_words[] = {"auto", "refund", "keep", NULL};
static const char *const unproxied_words[] = {"accept", "defer", NULL};
static const char *const on_refusal_words[] = {"hold", "ban=DURATION", NULL};
static const char *const escalate_words[] = {
    "after=NUMBER", "within=DURATION", "ban=DURATION", NULL};
static const char *const event_words[] = {EVENTS_ALL(WORD_ITEM) NULL};
static const char *const key_words[] = {KEY_PARTS_ALL(WORD_ITEM) NULL};

#define FIELD(type, field) \
    .offset = offsetof(type, field), .size = sizeof(((type *)0)->field)

/* Of string literals, joined: no place for parentheses. */
/* NOLINTBEGIN(bugprone-macro-parentheses) */
#define TOP(text)     .section = SECTION_TOP, .name = text, .label = text
#define SERVICE(text) .section = SECTION_SERVICE, .name = text, .label = text
#define LIMIT(text)   .section = SECTION_LIMIT, .name = text, .label = text
#define POLICYD(text) \
    .section = SECTION_POLICYD, .name = text, .label = "policyd." text
#define MILTER(text) \
    .section = SECTION_MILTER, .name = text, .label = "milter." text
#define CERTIFICATE(text) \
    .section = SECTION_CERTIFICATE, .name = text, .label = text
/* NOLINTEND(bugprone-macro-parentheses) */

const struct option options[] = {
    {TOP("store"), .type = OPTION_TEXT, FIELD(struct config, store),
        .def = "memory:", .check = option_check_store, .flags = OPTION_AT_START,
        .help = "where counters live: memory: or a Redis URL"},
    {TOP("store_prefix"), .type = OPTION_TEXT,
        FIELD(struct config, store_prefix), .def = "tollgate",
        .check = option_check_prefix, .flags = OPTION_AT_START,
        .help = "the beginning of every key in Redis"},
    {TOP("store_timeout"), .type = OPTION_DURATION,
        FIELD(struct config, store_timeout_ms), .def = "100ms", .min = "1ms",
        .max = "10s", .flags = OPTION_AT_START,
        .help = "how long a decision waits for the store"},
    {TOP("on_store_failure"), .type = OPTION_WORD,
        FIELD(struct config, on_store_failure), .def = "local",
        .words = store_failure_words,
        .help = "what limits do while the store is away"},
    {TOP("store_username"), .type = OPTION_TEXT,
        FIELD(struct config, store_username), .def = "",
        .flags = OPTION_AT_START, .help = "Redis user, if not in the URL"},
    {TOP("store_password"), .type = OPTION_TEXT,
        FIELD(struct config, store_password), .def = "",
        .flags = OPTION_AT_START | OPTION_SECRET,
        .help = "Redis password, if not in the URL"},
    {TOP("store_sentinel_username"), .type = OPTION_TEXT,
        FIELD(struct config, store_sentinel_username), .def = "",
        .flags = OPTION_AT_START,
        .help = "user at the Sentinels, if not the one in Redis"},
    {TOP("store_sentinel_password"), .type = OPTION_TEXT,
        FIELD(struct config, store_sentinel_password), .def = "",
        .flags = OPTION_AT_START | OPTION_SECRET,
        .help = "password of the Sentinels, if not the one of Redis"},
    {TOP("store_tls_ca_file"), .type = OPTION_TEXT,
        FIELD(struct config, store_tls_ca_file), .def = "",
        .check = option_check_path_or_empty, .flags = OPTION_AT_START,
        .help = "CA certificates that the store is checked against"},
    {TOP("store_tls_cert_file"), .type = OPTION_TEXT,
        FIELD(struct config, store_tls_cert_file), .def = "",
        .check = option_check_path_or_empty, .flags = OPTION_AT_START,
        .help = "client certificate for the store"},
    {TOP("store_tls_key_file"), .type = OPTION_TEXT,
        FIELD(struct config, store_tls_key_file), .def = "",
        .check = option_check_path_or_empty, .flags = OPTION_AT_START,
        .help = "private key of that certificate"},
    {TOP("store_tls_server_name"), .type = OPTION_TEXT,
        FIELD(struct config, store_tls_server_name), .def = "",
        .check = option_check_word_or_empty, .flags = OPTION_AT_START,
        .help = "name that the store certificate must have"},
    {TOP("instance_name"), .type = OPTION_TEXT,
        FIELD(struct config, instance_name), .def = "",
        .check = option_check_word_or_empty, .flags = OPTION_AT_START,
        .help = "label of this daemon for people; empty: host name"},
    {TOP("lease_ttl"), .type = OPTION_DURATION,
        FIELD(struct config, lease_ttl_ms), .def = "30s", .min = "1s",
        .max = "1h", .flags = OPTION_AT_START,
        .help = "how long connections of a lost daemon still count"},
    {TOP("client_limits_at"), .type = OPTION_WORD,
        FIELD(struct config, client.at), .def = "", .words = at_words,
        .help = "the face that feeds the client_* limits"},
    {TOP("client_connection_count_limit"), .type = OPTION_NUMBER,
        FIELD(struct config, client.n[EVENT_CONNECTION_COUNT]), .def = "0",
        .min = "0", .max = "1000000000",
        .help = "connections of a client open at once; 0: reporting only"},
    {TOP("client_connection_rate_limit"), .type = OPTION_NUMBER,
        FIELD(struct config, client.n[EVENT_CONNECTION]), .def = "0",
        .min = "0", .max = "1000000000",
        .help = "new connections of a client per rate_time_unit; 0: reporting "
                "only"},
    {TOP("client_message_rate_limit"), .type = OPTION_NUMBER,
        FIELD(struct config, client.n[EVENT_MESSAGE]), .def = "0", .min = "0",
        .max = "1000000000",
        .help = "messages of a client per rate_time_unit; 0: reporting only"},
    {TOP("client_recipient_rate_limit"), .type = OPTION_NUMBER,
        FIELD(struct config, client.n[EVENT_RECIPIENT]), .def = "0", .min = "0",
        .max = "1000000000",
        .help = "recipients of a client per rate_time_unit; 0: reporting only"},
    {TOP("client_new_tls_session_rate_limit"), .type = OPTION_NUMBER,
        FIELD(struct config, client.n[EVENT_TLS]), .def = "0", .min = "0",
        .max = "1000000000",
        .help = "new TLS sessions of a client per rate_time_unit; 0: reporting "
                "only"},
    {TOP("client_auth_rate_limit"), .type = OPTION_NUMBER,
        FIELD(struct config, client.n[EVENT_AUTH]), .def = "0", .min = "0",
        .max = "1000000000",
        .help =
            "AUTH commands of a client per rate_time_unit; 0: reporting only"},
    {TOP("rate_time_unit"), .type = OPTION_DURATION,
        FIELD(struct config, rate_time_unit_ms), .def = "60s", .min = "1s",
        .max = "1d", .help = "the window of the client_*_rate_limit options"},
    {TOP("rate_window"), .type = OPTION_WORD,
        FIELD(struct config, client.window), .def = "sliding",
        .words = window_words, .help = "the kind of that window"},
    {TOP("time_zone"), .type = OPTION_TEXT, FIELD(struct config, time_zone),
        .def = "", .check = option_check_word_or_empty,
        .help = "whose midnight begins a day, as in Europe/Berlin; empty: the "
                "system's"},
    {TOP("client_ipv4_prefix_length"), .type = OPTION_NUMBER,
        FIELD(struct config, prefixes.ipv4), .def = "32", .min = "0",
        .max = "32", .help = "IPv4 clients are counted by nets of this length"},
    {TOP("client_ipv6_prefix_length"), .type = OPTION_NUMBER,
        FIELD(struct config, prefixes.ipv6), .def = "64", .min = "0",
        .max = "128",
        .help = "IPv6 clients are counted by nets of this length"},
    {TOP("new_keys_per_client"), .type = OPTION_NUMBER,
        FIELD(struct config, new_keys_per_client), .def = "10000", .min = "0",
        .max = "1000000",
        .help = "counters that a client can make with names in a window"},
    {TOP("unsent_messages"), .type = OPTION_WORD,
        FIELD(struct config, unsent_messages), .def = "auto",
        .words = unsent_words,
        .help = "what a message was charged that does not go"},
    {TOP("nat64_prefixes"), .type = OPTION_CIDRS,
        FIELD(struct config, nat64_prefixes), .def = "64:ff9b::/96",
        .help = "networks whose addresses stand for the IPv4 ones in them"},
    {TOP("recipient_delimiter"), .type = OPTION_TEXT,
        FIELD(struct config, recipient_delimiter), .def = "",
        .check = option_check_delimiter,
        .help = "what ends a user's name in an address, as in main.cf"},
    {TOP("exempt_clients"), .type = OPTION_CIDRS,
        FIELD(struct config, exempt_clients), .def = "",
        .help = "networks that no limit applies to"},
    {TOP("impossible_clients"), .type = OPTION_CIDRS,
        FIELD(struct config, impossible_clients),
        .def = "0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3, ::/128, "
               "::1/128, fe80::/10, ff00::/8",
        .help = "networks that no proxied client can come from"},
    {TOP("ban_action"), .type = OPTION_TEXT, FIELD(struct config, ban_action),
        .def = "", .check = option_check_ban_action,
        .help = "the reply to who is banned by a name; empty: 450 and words"},
    {TOP("shadow"), .type = OPTION_BOOL, FIELD(struct config, shadow),
        .def = "false",
        .help = "true: log and count refusals, but refuse nothing"},
    {TOP("usage_report"), .type = OPTION_BOOL, FIELD(struct config, reports),
        .def = "false",
        .help = "true: keep for a week what came to each limit, for "
                "tollgatectl report"},
    {TOP("control_group"), .type = OPTION_TEXT,
        FIELD(struct config, control_group), .def = "tollgate",
        .check = option_check_word_or_empty, .flags = OPTION_AT_START,
        .help = "group of the control sockets"},
    {TOP("control_mode"), .type = OPTION_MODE,
        FIELD(struct config, control_mode), .def = "0660",
        .flags = OPTION_AT_START, .help = "mode of the control sockets"},
    {TOP("control_admins"), .type = OPTION_TEXTS,
        FIELD(struct config, control_admins), .def = "root",
        .check = option_check_word,
        .help = "users or @groups that may change things"},
    {TOP("postfix_user"), .type = OPTION_TEXT,
        FIELD(struct config, postfix_user), .def = "postfix",
        .check = option_check_word, .flags = OPTION_AT_START,
        .help = "the user that smtpd runs as, name or number"},
    {TOP("user"), .type = OPTION_TEXT, FIELD(struct config, user),
        .def = "tollgate", .check = option_check_word, .flags = OPTION_AT_START,
        .help = "user to become after binding, if started as root"},
    {TOP("group"), .type = OPTION_TEXT, FIELD(struct config, group),
        .def = "tollgate", .check = option_check_word, .flags = OPTION_AT_START,
        .help = "group to become after binding, if started as root"},
    {TOP("drain_timeout"), .type = OPTION_DURATION,
        FIELD(struct config, drain_timeout_ms), .def = "20s", .min = "0s",
        .max = "1h", .help = "how long open sessions may last after TERM"},
    {TOP("log"), .type = OPTION_TEXT, FIELD(struct config, log),
        .def = "stderr", .check = option_check_log,
        .help = "stderr, syslog:FACILITY or file:PATH"},
    {TOP("log_format"), .type = OPTION_WORD, FIELD(struct config, log_format),
        .def = "text", .words = log_format_words,
        .help = "key=value text, or JSON"},
    {TOP("log_level"), .type = OPTION_WORD, FIELD(struct config, log_level),
        .def = "info", .words = log_level_words,
        .help = "the least important lines that are written"},
    {TOP("log_refusals"), .type = OPTION_WORD,
        FIELD(struct config, log_refusals), .def = "gathered",
        .words = log_refusals_words,
        .help = "of refusals alike one line a second, or all"},
    {TOP("http_status"), .type = OPTION_BOOL, FIELD(struct config, http_status),
        .def = "false",
        .help = "the status page beyond loopback, and with clients"},
    {TOP("certificate_expiry_warning"), .type = OPTION_DURATION,
        FIELD(struct config, certificate_expiry_warning_ms), .def = "14d",
        .min = "1h", .max = "366d",
        .help = "how early the end of a certificate is warned about"},
    {SERVICE("port"), .type = OPTION_NUMBER, FIELD(struct config_service, port),
        .min = "1", .max = "65535",
        .help = "true local port of the Postfix listener"},
    {SERVICE("names"), .type = OPTION_TEXTS,
        FIELD(struct config_service, names), .def = "",
        .help = "names of the listener: master.cf name, policy_context"},
    {SERVICE("proxied"), .type = OPTION_BOOL,
        FIELD(struct config_service, proxied), .def = "false",
        .help = "clients come through a proxy"},
    {SERVICE("trusted_proxies"), .type = OPTION_TEXTS,
        FIELD(struct config_service, trusted_proxies), .def = "",
        .check = option_check_proxy,
        .help = "proxies whose PROXY header is believed"},
    {SERVICE("proof"), .type = OPTION_WORD, FIELD(struct config_service, proof),
        .def = "required", .words = proof_words,
        .help = "must the proxy be proven"},
    {SERVICE("frontends"), .type = OPTION_TEXTS,
        FIELD(struct config_service, frontends), .def = "",
        .check = option_check_frontend,
        .help = "destinations in the PROXY header that are ours"},
    {SERVICE("unproxied_mail"), .type = OPTION_WORD,
        FIELD(struct config_service, unproxied_mail), .def = "accept",
        .words = unproxied_words,
        .help = "mail whose client is the proxy itself"},
    {SERVICE("pass_to"), .type = OPTION_TEXT,
        FIELD(struct config_service, pass_to), .def = "",
        .check = option_check_socket_or_empty,
        .help = "socket of Postfix's pass service that a gate hands clients "
                "to"},
    {SERVICE("pass_timeout"), .type = OPTION_DURATION,
        FIELD(struct config_service, pass_timeout_ms), .def = "1s",
        .min = "10ms", .max = "100s",
        .help = "how long a gate waits for an smtpd to take a client"},
    {SERVICE("header_timeout"), .type = OPTION_DURATION,
        FIELD(struct config_service, header_timeout_ms), .def = "5s",
        .min = "10ms", .max = "100s",
        .help = "how long a gate waits for the whole PROXY header"},
    {SERVICE("tls_wrapper"), .type = OPTION_BOOL,
        FIELD(struct config_service, tls_wrapper), .def = "false",
        .help = "clients begin with TLS: a gate refuses them without a word"},
    {SERVICE("max_sessions_in_hand"), .type = OPTION_NUMBER,
        FIELD(struct config_service, max_sessions_in_hand), .def = "20",
        .min = "1", .max = "10000",
        .help = "sessions of a client that wait for an smtpd at once"},
    {LIMIT("at"), .type = OPTION_WORD, FIELD(struct limit_section, at),
        .def = "", .words = at_words,
        .help = "the face that feeds it; empty: the first that can"},
    {LIMIT("event"), .type = OPTION_EVENT, FIELD(struct limit_section, event),
        .words = event_words, .help = "what is counted"},
    {LIMIT("key"), .type = OPTION_KEY, FIELD(struct limit_section, key),
        .words = key_words, .help = "what has a counter of its own"},
    {LIMIT("rate"), .type = OPTION_RATE, FIELD(struct limit_section, rate),
        .help = "so many events per time"},
    {LIMIT("count"), .type = OPTION_NUMBER, FIELD(struct limit_section, count),
        .min = "1", .max = "1000000000",
        .help = "so many at once, for connection_count"},
    {LIMIT("max_per_message"), .type = OPTION_NUMBER,
        FIELD(struct limit_section, max_per_message), .min = "1",
        .max = "1000000000", .help = "so many recipients of one message"},
    {LIMIT("window"), .type = OPTION_WORD, FIELD(struct limit_section, window),
        .def = "", .words = limit_window_words,
        .help = "the kind of window of a rate; empty: calendar for a rate by "
                "day, week or month, else sliding"},
    {LIMIT("services"), .type = OPTION_TEXTS,
        FIELD(struct limit_section, services), .def = "",
        .help = "service titles or names it is for; empty: all"},
    {LIMIT("clients"), .type = OPTION_CIDRS,
        FIELD(struct limit_section, clients), .def = "",
        .help = "networks it is for; empty: all"},
    {LIMIT("senders"), .type = OPTION_TEXTS,
        FIELD(struct limit_section, senders), .def = "",
        .check = option_check_mailbox,
        .help = "senders it is for, @domains of them, file:/path; empty: all"},
    {LIMIT("logins"), .type = OPTION_TEXTS, FIELD(struct limit_section, logins),
        .def = "", .check = option_check_login,
        .help = "logins it is for, @domains of them, file:/path; empty: all"},
    {LIMIT("recipients"), .type = OPTION_TEXTS,
        FIELD(struct limit_section, recipients), .def = "",
        .check = option_check_mailbox,
        .help = "recipients it is for, @domains of them, file:/path; empty: "
                "all"},
    {LIMIT("authenticated"), .type = OPTION_WORD,
        FIELD(struct limit_section, authenticated), .def = "any",
        .words = auth_words,
        .help = "only for clients that have, or have not, authenticated"},
    {LIMIT("action"), .type = OPTION_TEXT, FIELD(struct limit_section, action),
        .def = "", .check = option_check_action,
        .help = "the reply; empty: Postfix words by event"},
    {LIMIT("on_refusal"), .type = OPTION_PAIRS, .def = "",
        .words = on_refusal_words,
        .help = "hold the message instead; ban the key for a time"},
    {LIMIT("escalate"), .type = OPTION_PAIRS, .def = "",
        .words = escalate_words,
        .help = "ban a key that is refused again and again"},
    {LIMIT("shadow"), .type = OPTION_BOOL, FIELD(struct limit_section, shadow),
        .def = "false",
        .help = "true: log and count refusals of this limit only"},
    {LIMIT("on_store_failure"), .type = OPTION_WORD,
        FIELD(struct limit_section, on_store_failure), .def = "",
        .words = limit_failure_words,
        .help = "while the store is away; empty: on_store_failure above"},
    {LIMIT("notify"), .type = OPTION_ARGV, FIELD(struct limit_section, notify),
        .def = "",
        .help = "command or URL that is told of refusals; empty: none"},
    {LIMIT("notify_every"), .type = OPTION_DURATION,
        FIELD(struct limit_section, notify_every_ms), .def = "1h", .min = "1m",
        .max = "30d", .help = "of one key it is told no more often"},
    {LIMIT("notify_at"), .type = OPTION_TEXT,
        FIELD(struct limit_section, notify_at), .def = "",
        .help = "as \"80%\": it is told before, too; empty: not"},
    {POLICYD("listen"), .type = OPTION_LISTENERS,
        FIELD(struct config, policyd.listen),
        .def = "policy:unix:/var/spool/postfix/tollgate/policy, "
               "sni:unix:/var/spool/postfix/tollgate/sni, "
               "anvil-pass:unix:/run/tollgate/anvil",
        .flags = OPTION_AT_START,
        .help = "sockets that Postfix comes to, FACE:unix:PATH or "
                "FACE:inet:ADDRESS:PORT, and proxies: gate:inet:ADDRESS:PORT"},
    {POLICYD("socket_mode"), .type = OPTION_MODE,
        FIELD(struct config, policyd.socket_mode), .def = "0660",
        .flags = OPTION_AT_START, .help = "mode of the unix sockets"},
    {POLICYD("socket_group"), .type = OPTION_TEXT,
        FIELD(struct config, policyd.socket_group), .def = "postfix",
        .check = option_check_word_or_empty, .flags = OPTION_AT_START,
        .help = "group of the unix sockets"},
    {POLICYD("allowed_peers"), .type = OPTION_CIDRS,
        FIELD(struct config, policyd.allowed_peers), .def = "127.0.0.0/8",
        .help = "networks that may connect to inet sockets"},
    {POLICYD("gate_connections"), .type = OPTION_NUMBER,
        FIELD(struct config, policyd.gate_connections), .def = "10000",
        .min = "1", .max = "1000000",
        .help = "connections that the gates hold at once"},
    {POLICYD("anvil_greeting"), .type = OPTION_BOOL,
        FIELD(struct config, policyd.anvil_greeting), .def = "true",
        .help = "greet smtpd, as Postfix 3.6 and later expect"},
    {POLICYD("http"), .type = OPTION_TEXT, FIELD(struct config, policyd.http),
        .def = "127.0.0.1:9309", .check = option_check_http,
        .flags = OPTION_AT_START,
        .help = "ADDRESS:PORT of metrics and health checks; empty: off"},
    {POLICYD("control"), .type = OPTION_TEXT,
        FIELD(struct config, policyd.control),
        .def = "/run/tollgate/policyd.sock",
        .check = option_check_socket_or_empty, .flags = OPTION_AT_START,
        .help = "the control socket; empty: none"},
    {MILTER("listen"), .type = OPTION_TEXT, FIELD(struct config, milter.listen),
        .def = "unix:/var/spool/postfix/tollgate-milter/milter",
        .check = option_check_milter_listen, .flags = OPTION_AT_START,
        .help = "socket that Postfix comes to: unix:PATH or "
                "inet:ADDRESS:PORT; empty: off"},
    {MILTER("header"), .type = OPTION_TEXT, FIELD(struct config, milter.header),
        .def = "", .check = option_check_header,
        .help = "name of a header to add, as in X-Tollgate; empty: none"},
    {MILTER("http"), .type = OPTION_TEXT, FIELD(struct config, milter.http),
        .def = "127.0.0.1:9310", .check = option_check_http,
        .flags = OPTION_AT_START,
        .help = "ADDRESS:PORT of metrics and health checks; empty: off"},
    {MILTER("control"), .type = OPTION_TEXT,
        FIELD(struct config, milter.control),
        .def = "/run/tollgate/milter.sock",
        .check = option_check_socket_or_empty, .flags = OPTION_AT_START,
        .help = "the control socket; empty: none"},
    {CERTIFICATE("source"), .type = OPTION_TEXTS,
        FIELD(struct config_certificate, source_texts), .def = "",
        .check = option_check_source,
        .help = "where certificate and key come from"},
    {CERTIFICATE("sni"), .type = OPTION_BOOL,
        FIELD(struct config_certificate, sni), .def = "true",
        .help = "serve it by name"},
    {CERTIFICATE("default_chain"), .type = OPTION_TEXT,
        FIELD(struct config_certificate, default_chain), .def = "",
        .check = option_check_path_or_empty,
        .help = "file for clients without SNI"},
    {CERTIFICATE("refresh_map"), .type = OPTION_TEXT,
        FIELD(struct config_certificate, refresh_map), .def = "",
        .check = option_check_map_or_empty,
        .help = "table that retires smtpd processes"},
    {CERTIFICATE("on_change"), .type = OPTION_ARGV,
        FIELD(struct config_certificate, on_change), .def = "",
        .help = "command to run after a change"},
    {CERTIFICATE("on_change_timeout"), .type = OPTION_DURATION,
        FIELD(struct config_certificate, on_change_timeout_ms), .def = "30s",
        .min = "1s", .max = "1h", .help = "how long it may take"},
    {CERTIFICATE("expiry_warning"), .type = OPTION_DURATION,
        FIELD(struct config_certificate, expiry_warning_ms), .def = "0s",
        .min = "0s", .max = "366d",
        .help = "certificate_expiry_warning of this one; 0s: that"},
    {CERTIFICATE("verify"), .type = OPTION_TEXTS,
        FIELD(struct config_certificate, verify_texts), .def = "",
        .check = option_check_verify,
        .help = "[proxy:][tls:]HOST:PORT that is asked what it serves"},
};

const size_t option_count = COUNT(options);

const struct option_section_kind option_sections[OPTION_SECTIONS] = {
    [SECTION_TOP] = {.name = NULL},
    [SECTION_SERVICE] = {.name = "service", .is_titled = true},
    [SECTION_LIMIT] = {.name = "limit", .is_titled = true},
    [SECTION_POLICYD] = {.name = "policyd"},
    [SECTION_MILTER] = {.name = "milter"},
    [SECTION_CERTIFICATE] = {.name = "certificate", .is_titled = true},
};

bool option_is_list(const struct option *option)
{
    return option->type == OPTION_KEY || option->type == OPTION_TEXTS ||
           option->type == OPTION_ARGV || option->type == OPTION_PAIRS ||
           option->type == OPTION_CIDRS || option->type == OPTION_LISTENERS;
}

const struct option *option_find(enum option_section section, const char *name)
{
    for (size_t i = 0; i < option_count; i++)
        if (options[i].section == section && strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

const struct option *option_find_label(const char *label)
{
    for (size_t i = 0; i < option_count; i++)
        if (!option_sections[options[i].section].is_titled &&
            strcmp(options[i].label, label) == 0)
            return &options[i];
    return NULL;
}

bool option_section_find(const char *name, enum option_section *section_r)
{
    for (unsigned i = SECTION_TOP + 1; i < OPTION_SECTIONS; i++) {
        if (strcmp(option_sections[i].name, name) == 0) {
            *section_r = (enum option_section)i;
            return true;
        }
    }
    return false;
}

size_t option_rows(enum option_section section, const struct option **first_r)
{
    size_t rows = 0;
    for (size_t i = 0; i < option_count; i++) {
        if (options[i].section != section)
            continue;
        if (rows++ == 0)
            *first_r = &options[i];
    }
    return rows;
}
