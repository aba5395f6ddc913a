/*
 * limit.h - one configured limit, and which events it applies to.
 *
 * Pure: a limit turns an event into a charge, or says that it does not apply.
 * Immutable once the configuration has been loaded.
 */
#ifndef TOLLGATE_CORE_LIMIT_H
#define TOLLGATE_CORE_LIMIT_H

#include "common/core/calendar.h"
#include "common/core/charge.h"
#include "common/core/event.h"
#include "common/core/mailbox.h"
#include "common/core/name_list.h"

enum limit_kind {
    LIMIT_RATE,        /* n units per window_ms */
    LIMIT_COUNT,       /* n at once (connection_count) */
    LIMIT_PER_MESSAGE, /* n recipients of one message; needs no store */
};

enum limit_window {
    LIMIT_WINDOW_SLIDING,
    LIMIT_WINDOW_FIXED,
    LIMIT_WINDOW_CALENDAR
};
enum limit_auth { LIMIT_AUTH_ANY, LIMIT_AUTH_YES, LIMIT_AUTH_NO };
enum store_failure {
    STORE_FAILURE_LOCAL,
    STORE_FAILURE_ACCEPT,
    STORE_FAILURE_DEFER
};

/* By what several names are one's: prefix lengths by which a client's address
 * becomes its net, and what ends a user's name in an address. */
struct limit_prefixes {
    uint8_t ipv4, ipv6;
    const char *recipient_delimiter; /* mailbox.h; NULL: none; borrowed */
};

/* Whom a limit is for; an empty list: for all. */
struct limit_names {
    struct name_list senders, logins, recipients;
};

/* What else becomes of a key that is refused; 0: nothing. Only where the key
 * is one that can be banned. */
struct limit_penalty {
    uint64_t ban_ms;      /* at each refusal */
    uint32_t after;       /* refusals, each of a time of its own: */
    uint64_t within_ms;   /* within this time ... */
    uint64_t long_ban_ms; /* ... are followed by this ban; 2 × ban_ms or more */
};

/* Of what time refusals count as one: the window, a minute at most; a minute
 * where there is no window (0). In milliseconds. */
uint64_t limit_penalty_step(uint64_t window_ms);

struct limit {
    char *name;       /* the section's title, or the client_* option's name */
    char *store_name; /* its name in the store: short for client_* */
    enum limit_kind kind;
    enum limit_window window;
    enum event_kind event;
    enum face at;      /* the one face that feeds it */
    uint16_t key;      /* bits: 1u << enum key_part */
    uint16_t distinct; /* bits alike: what has to be different; 0: nothing */
    struct limit_prefixes prefixes; /* its own, or the global ones; of what has
                                       to be different too */
    uint8_t field;      /* CHARGE_FIXED: the event kind for client_*, else 0 */
    uint32_t n;         /* 1..; of different values up to DISTINCT_MAX */
    uint64_t window_ms; /* LIMIT_RATE; a calendar's longest period, as a word:
                           a day has 24 h, a month 31 days */
    struct calendar *calendar; /* its periods, each with a name of its own;
                                  NULL: none */
    char **services;          /* titles or names; NULL-terminated; empty: all */
    struct cidr_list clients; /* empty: all */
    struct limit_names *names; /* NULL: for all */
    enum limit_auth authenticated;
    char *action;  /* policy and milter reply before expansion; never NULL */
    char **notify; /* whom to tell: argv, NULL-terminated; NULL too: none */
    uint64_t notify_every_ms;
    uint8_t notify_at; /* percent of n, 1..99, from which on it warns; 0: no */
    bool holds;        /* what it would refuse goes into the hold queue */
    struct limit_penalty penalty;
    bool is_client; /* one of the client_* options: what anvil reports */
    bool shadow;    /* the global shadow included */
    enum store_failure on_store_failure; /* the global default included */
};

/* Is anybody told of its refusals? */
static inline bool limit_tells(const struct limit *limit)
{
    return limit->notify != NULL && limit->notify[0] != NULL;
}

/* The parts of a key with a login: the domain in the login's place, as a total
 * for the domain is counted. */
static inline uint16_t limit_domain_key(uint16_t key)
{
    return (
        uint16_t)((key & ~(1u << KEY_SASL_USERNAME)) | 1u << KEY_SASL_DOMAIN);
}

/* Whom a client counts as. A net that anvil gives and that is wider than ours
 * stays as it is. */
struct cidr limit_client_net(const struct cidr *client, struct limit_prefixes);

/*
 * Services, clients, names and authentication match, and every part of the key
 * is known: a limit per sasl_username says nothing about a client that has not
 * authenticated, one per sender nothing about the null sender. A service is
 * always known: "" is one too.
 * service_title is the service section's title, or the face's own name.
 * clients matches a net only if it holds all of it. An exempt client is
 * counted only where somebody else is: see limit_spares_exempt; his network is
 * none that counts.
 */
bool limit_applies(
    const struct limit *, const struct event *, const char *service_title);

/*
 * Does a limit with such a key count the client (his address, his HELO name,
 * or all who come)? Of these exempt_clients are free. Not of one per login,
 * whatever else is in the key, nor of one per sender or recipient alone: an
 * exempt webmail's users stay within theirs.
 */
bool limit_spares_exempt(uint16_t key);
/* Of such a client, whoever else is counted, the network is not counted. */
bool limit_spares(const struct limit *);

/*
 * The subject of a key: its parts, the service first, then in the order of
 * enum key_part, joined by '|': "s=25|c=198.51.100.7", "c=2001:db8::/64|u=bob".
 * Letters: s service, c client (an address alone at full length, else
 * net/length; a net wider than prefixes stays as it is), a client_address
 * (both "unproxied" where the client is the proxy itself),
 * u sasl_username, U sasl_domain, f sender, F sender_domain, t recipient, T
 * recipient_domain, h helo. Senders and recipients are in the form of
 * mailbox.h, HELO names and logins without dots at the end. All but the service
 * are folded to lower case. Bytes that could be taken for the structure (| { }
 * % # control, non-ASCII) become %xx. A text that does not fit ends in '#' and
 * 128 bits of SHA-256 of the whole.
 */
void limit_subject(uint16_t key, const struct event *,
    const char *service_title, struct limit_prefixes,
    struct subject *subject_r);

/*
 * The same for people and the log, in the words of tollgatectl:
 * "sender:bob@example.com", "client:2001:db8::/64,service:25". The parts come
 * in the order of enum key_part, so the client first and the service last. Of
 * a value over 95 bytes the end is written, of a text that does not fit the
 * parts that do; nothing is escaped. "" for a key without parts. Returns text.
 */
#define LIMIT_KEY_TEXT_SIZE 512
char *limit_key_text(uint16_t key, const struct event *,
    const char *service_title, struct limit_prefixes,
    char text[LIMIT_KEY_TEXT_SIZE]);

/* The hash (distinct.h) of the value that has to be different, in its one
 * form. The limit applies. */
uint32_t limit_value(const struct limit *, const struct event *);

/*
 * A subject, or the beginning of one, in these words: "sasl:bob", "smtp|..."
 * as "service:smtp,...". What is escaped in it stays so. Returns text.
 */
char *limit_subject_words(const char *subject, char text[LIMIT_KEY_TEXT_SIZE]);

/*
 * What a part of a key reads in the event, in its one form but for case; as
 * event_key_text, where the text is in that form. Returns that text or out.
 */
const char *limit_part_text(const struct event *, enum key_part,
    struct limit_prefixes, char out[MAILBOX_SIZE]);

/* Its window, or this one of an override: "1h"; of a calendar's "day". */
char *limit_window_text(
    const struct limit *, uint64_t window_ms, char text[DURATION_TEXT_SIZE]);

/* NULL is allowed. */
void limit_names_free(struct limit_names **);

/* Frees what it owns. */
void limit_clear(struct limit *);

#endif
