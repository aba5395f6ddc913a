/*
 * doctor_checks.h - what the checks of doctor share. Inside of doctor only.
 */
#ifndef TOLLGATE_CTL_DOCTOR_CHECKS_H
#define TOLLGATE_CTL_DOCTOR_CHECKS_H

#include "ctl/doctor.h"

/* Begins the names of parameters that doctor itself puts into main.cf. */
#define OWN_PREFIX "tollgate_"

/* An smtpd or postscreen that clients connect to, or an smtpd that a gate of
 * ours hands them to. */
struct doctor_listener {
    const struct postfix_service *service;
    /* The smtpd whose parameters count: itself; behind a postscreen the one
     * that it passes clients to, or, where postscreen is to go, what will
     * stand in its place. */
    const struct postfix_service *speaker;
    const struct config_service *section; /* of tollgate.conf; NULL: none */
    bool is_postscreen;
    bool is_gated;          /* its section has a gate */
    bool has_header;        /* PROXY protocol is on, or is to be */
    bool is_header_missing; /* the latter */
    bool wants_proof;       /* of its peers, by the section */
    bool is_reinjection;    /* a content filter gives back mail here */
    bool is_guarded;        /* tollgate is meant to decide here */
};

/* How a host takes lines. */
enum doctor_form {
    FORM_COMMAND, /* for a shell: postconf -e, postconf -M */
    FORM_TEXT,    /* of main.cf itself */
    FORM_WORD,    /* put by the host into "postconf -e \"%s\"", or -Me */
};

struct doctor_host {
    const char *name, *title;
    /* A parameter of main.cf by which the host is known, and how its value
     * begins; NULL: none. */
    const char *sign, *sign_value;
    struct {
        const char *place;
        enum doctor_form form;
    } main, master;
    const char *directory; /* for postconf -c; NULL: Postfix's own */
    /* Where the helper is in Postfix's container, and a user who is there;
     * NULL: as it is installed here. */
    const char *helper, *helper_user;
    bool cuts_main; /* at each start, and master.cf stays as it is */
    const char *then;
};

extern const struct doctor_host doctor_hosts[]; /* ends without a name */

struct doctor {
    const struct config *config;
    const struct postfix_config *postfix;
    const struct doctor_host *host; /* that lines are for; NULL: none named */
    struct doctor_listener *listeners;
    size_t count;
    bool opens_anvil; /* policyd.listen has the face */
    bool opens_policy;
    struct config_listener milter; /* path and host NULL: off */
    struct doctor_report *report;
    const struct doctor_check *check; /* the one that runs */
};

struct doctor_check {
    const char *name;  /* for machines; fixed */
    const char *title; /* what is wrong */
    const char *why;   /* why it matters */
    void (*look)(struct doctor *);
    /* Or, at each listener that is guarded. */
    void (*look_at)(struct doctor *, const struct doctor_listener *);
};

/* In the order in which things are to be mended; ends without a name. */
extern const struct doctor_check doctor_checks[];

/* A name of master.cf: does it listen on the loopback interface only? */
bool doctor_is_loopback(const char *service);

/* In force there; "" for what this Postfix does not know. */
const char *doctor_value(const struct doctor_listener *, const char *name);
/* NULL: this Postfix does not know it. */
const char *doctor_known_value(
    const struct doctor_listener *, const char *name);

/* The finding lives until the next is added. */
struct doctor_finding *doctor_add(struct doctor *, const char *where,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
struct doctor_finding *doctor_add_at(
    struct doctor *, const struct doctor_listener *, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_note(struct doctor *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void doctor_advise(struct doctor_finding *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Mending commands; each is one line with what must be quoted in quotes. */
void mend_main(struct doctor *, struct doctor_finding *, const char *name,
    const char *value);
/* At one listener. A value with blanks, which postconf -P does not take, goes
 * through a parameter of main.cf. */
void mend_listener(struct doctor *, struct doctor_finding *,
    const struct doctor_listener *, const char *name, const char *value);
/* A whole line of master.cf, and one of its fields. */
void mend_line(struct doctor *, struct doctor_finding *, const char *name,
    const char *type, const char *line);
void mend_field(struct doctor *, struct doctor_finding *,
    const struct postfix_service *, const char *field, const char *value);
/* Quoted for a shell if it needs be; the caller frees. */
char *mend_quote(const char *text);
/* "-o name=value" for a line of master.cf, in braces if it needs be; NULL: it
 * cannot be written. The caller frees. */
char *mend_option(const char *name, const char *value);
/* With a host: fills report->files from report->edits, which stay as they are.
 * Called last. */
void doctor_lines(struct doctor *);
/* Notes which host of the table this one looks like. */
void doctor_note_host(struct doctor *);

/* How an endpoint of Postfix's stands to a listening socket of ours. */
enum endpoint_relation {
    ENDPOINT_OTHER,
    ENDPOINT_OURS,
    ENDPOINT_JAILED, /* meant to be ours, but the chroot leads elsewhere */
};

/* endpoint: "unix:path" or "inet:host:port"; NULL service: not chrooted. */
enum endpoint_relation endpoint_relate(const struct doctor *,
    const struct postfix_service *, const char *endpoint,
    const struct config_listener *);
/* The listener of that face which it relates to; NULL: none. */
const struct config_listener *endpoint_find(const struct doctor *,
    const struct postfix_service *, const char *endpoint, const char *face,
    enum endpoint_relation *relation_r);
/* What to write in main.cf; relative to the queue if it is in it. */
char *endpoint_text(const struct doctor *, const struct config_listener *);
/* Can a chrooted service reach it? */
bool endpoint_is_in_queue(
    const struct doctor *, const struct config_listener *);
/* The same file, symbolic links followed where they can be. */
bool endpoint_same_path(const char *a, const char *b);

/* Of faces of policyd.listen: the first unix socket, else the first. */
const struct config_listener *doctor_listen(
    const struct doctor *, const char *face);

/* How many limits that listener is under, fed there with that. */
struct limits_there {
    size_t count;
    uint32_t highest;
    bool is_plain; /* client_* for all clients, and in earnest */
};

/* The limits of that face that this listener's clients meet, by event. */
struct limits_there doctor_limits(const struct doctor *,
    const struct doctor_listener *, enum face, enum event_kind);
/* With any event at all. */
bool doctor_has_limits(
    const struct doctor *, const struct doctor_listener *, enum face);

/* Whom spawn runs the helper as; NULL: it does not. The caller frees. */
char *doctor_helper_user(const struct doctor *);

/* Does this list of milters, as in smtpd_milters, name ours? */
bool doctor_names_milter(const struct doctor *,
    const struct postfix_service *service, const char *value);
/* The list of milters of a listener without ours. */
void doctor_mend_without_milter(
    struct doctor *, struct doctor_finding *, const struct doctor_listener *);
/* Is policyd to be asked at this listener: for the proof, or for limits? */
bool doctor_wants_policy(const struct doctor *, const struct doctor_listener *);

/* The checks: doctor_checks_*.c. */
void check_postscreen(struct doctor *, const struct doctor_listener *);
void check_section(struct doctor *, const struct doctor_listener *);
void check_unheard(struct doctor *);
void check_port(struct doctor *, const struct doctor_listener *);
void check_gate_service(struct doctor *);
void check_gate_name(struct doctor *, const struct doctor_listener *);
void check_gate_port(struct doctor *);
void check_header(struct doctor *, const struct doctor_listener *);
void check_pipelining(struct doctor *, const struct doctor_listener *);
void check_anvil_place(struct doctor *);
void check_anvil_socket(struct doctor *);
void check_anvil_line(struct doctor *);
void check_anvil_helper(struct doctor *);
void check_anvil_when_down(struct doctor *);
void check_exceptions(struct doctor *, const struct doctor_listener *);
void check_xclient(struct doctor *, const struct doctor_listener *);
void check_xclient_counted(struct doctor *);
void check_compared(struct doctor *, const struct doctor_listener *);
void check_anvil_timeout(struct doctor *, const struct doctor_listener *);
void check_twins(struct doctor *, const struct doctor_listener *);
void check_prefixes(struct doctor *, const struct doctor_listener *);
void check_stranger_keys(struct doctor *);
void check_policy_missing(struct doctor *, const struct doctor_listener *);
void check_policy_twice(struct doctor *, const struct doctor_listener *);
void check_policy_order(struct doctor *, const struct doctor_listener *);
void check_policy_weak(struct doctor *, const struct doctor_listener *);
void check_policy_action(struct doctor *, const struct doctor_listener *);
void check_policy_timeout(struct doctor *, const struct doctor_listener *);
void check_proofs(struct doctor *);
void check_hidden_clients(struct doctor *);
void check_policy_inet(struct doctor *, const struct doctor_listener *);
void check_policy_jail(struct doctor *, const struct doctor_listener *);
void check_milter_missing(struct doctor *, const struct doctor_listener *);
void check_milter_inet(struct doctor *, const struct doctor_listener *);
void check_milter_action(struct doctor *, const struct doctor_listener *);
void check_milter_jail(struct doctor *, const struct doctor_listener *);
void check_milter_maps(struct doctor *, const struct doctor_listener *);
void check_milter_local(struct doctor *);
void check_reinjection(struct doctor *);
void check_apart(struct doctor *);
void check_own_names(struct doctor *);
void check_jail(struct doctor *, const struct doctor_listener *);
void check_sockets(struct doctor *);
void check_user(struct doctor *);
void check_default_chain(struct doctor *);
void check_refresh_map(struct doctor *);
void check_sni_map(struct doctor *);
void check_tlsproxy(struct doctor *);

#endif
