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

struct doctor_finding {
    const struct doctor_check *check;
    char *where; /* "12525/inet", "main.cf", a path */
    char *what;
    char **mend; /* commands for a shell, in order; NULL-terminated */
    size_t mend_count;
    char *advice; /* what no such command can do; NULL: nothing */
};

struct doctor_report {
    struct doctor_finding *findings; /* to be mended in this order */
    size_t count;
    char **notes; /* what may be meant so */
    size_t note_count;
};

/* Of a Postfix that is not here (postfix_config_read) no file, user or process
 * is looked at, which a note says. */
void doctor_examine(const struct config *, const struct postfix_config *,
    struct doctor_report *report_r);
void doctor_report_clear(struct doctor_report *);

/* Is there a command to run? Else only words are left. */
bool doctor_has_lines(const struct doctor_report *);

/* For people: grouped by check, wrapped at columns but for the commands. */
void doctor_print(const struct doctor_report *, int columns, FILE *out);
/* {"findings":[{"name","where","what","why","mend":[],"advice"}],"notes":[],
 * "has_lines"} */
json_t *doctor_json(const struct doctor_report *);

#endif
