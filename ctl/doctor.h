/*
 * doctor.h - what in Postfix's configuration breaks tollgate's promises.
 *
 * Looks at tollgate.conf, main.cf, master.cf and the sockets' permissions; asks
 * the daemons that run only whether the kernel lets them prove peers, and
 * changes nothing. What it cannot see: tables, other
 * programs' answers, the network.
 */
#ifndef TOLLGATE_CTL_DOCTOR_H
#define TOLLGATE_CTL_DOCTOR_H

#include "common/config/config.h"
#include "ctl/postfix_config.h"

#include <jansson.h>
#include <stdio.h>

/* A thing that can be wrong. */
struct doctor_check;
/* A kind of mail host: where what is to be changed is kept there. */
struct doctor_host;

struct doctor_finding {
    const struct doctor_check *check;
    char *where; /* "12525/inet", "main.cf", a path */
    char *what;
    char **mend; /* commands for a shell, in order; NULL-terminated */
    size_t mend_count;
    char *advice; /* what no such command can do; NULL: nothing */
};

enum doctor_edit_kind {
    EDIT_MAIN,   /* a parameter of main.cf */
    EDIT_OPTION, /* a -o of a line of master.cf */
    EDIT_FIELD,  /* one of its fields, as postconf -F names them */
    EDIT_LINE,   /* all of it */
};

/* What a command of a finding changes. */
struct doctor_edit {
    enum doctor_edit_kind kind;
    char *service, *type; /* of master.cf; "" for EDIT_MAIN */
    char *name;           /* "" for EDIT_LINE */
    char *value;
};

/* What goes into one place of a host. */
struct doctor_file {
    const char *place; /* "data/conf/postfix/extra.cf" */
    struct postfix_list lines;
};

#define DOCTOR_FILES 2 /* for main.cf and for master.cf */

struct doctor_report {
    struct doctor_finding *findings; /* to be mended in this order */
    size_t count;
    char **notes; /* what may be meant so */
    size_t note_count;
    struct doctor_edit *edits; /* of all findings, in the same order */
    size_t edit_count;
    const struct doctor_host *host;         /* NULL: the commands are as good */
    struct doctor_file files[DOCTOR_FILES]; /* for it; no lines: not needed */
};

/* "mailcow"; NULL: there is no such row. */
const struct doctor_host *doctor_host_find(const char *name);
/* All names, "|" between them. */
#define DOCTOR_HOSTS "docker-mailserver|mailcow|mailu|plain"

/* Of a Postfix that is not here (postfix_config_read) no file, user or process
 * is looked at, which a note says. With a host the report has, besides, all
 * changes as lines in the form of its files. */
void doctor_examine(const struct config *, const struct postfix_config *,
    const struct doctor_host *, struct doctor_report *report_r);
void doctor_report_clear(struct doctor_report *);

/* Is there a command to run? Else only words are left. */
bool doctor_has_lines(const struct doctor_report *);

/* For people: grouped by check, wrapped at columns but for the commands; for a
 * host its lines at the end in their stead. */
void doctor_print(const struct doctor_report *, int columns, FILE *out);
/* {"findings":[{"name","where","what","why","mend":[],"advice"}],"notes":[],
 * "has_lines"}; for a host also "for":{"host","files":[{"place","lines":[]}],
 * "then"} */
json_t *doctor_json(const struct doctor_report *);

#endif
