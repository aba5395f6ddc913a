/*
 * command.h - the commands of tollgatectl: what is typed, sent and shown.
 *
 * One table (commands.c) with a row for each. Most rows say how arguments
 * become those of the control command with the same name, and how its result
 * is printed; a row with `run` is done here, without any daemon.
 */
#ifndef TOLLGATE_CTL_COMMAND_H
#define TOLLGATE_CTL_COMMAND_H

#include "common/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum ctl_exit {
    CTL_DONE = 0,
    CTL_REFUSED = 1,   /* or not found */
    CTL_USAGE = 2,     /* prints how it is used */
    CTL_NO_DAEMON = 3, /* none answers */
    CTL_WORDS = 4,     /* doctor: something is left, but no line to run */
};

enum ctl_target {
    CTL_EACH,   /* every daemon that knows it; all must succeed */
    CTL_STORE,  /* what is in the store: shown once where daemons share one;
                   one that succeeds is enough */
    CTL_STREAM, /* every daemon, until interrupted */
};

/* What the options before the command say. */
struct ctl_options {
    const char *const *sockets; /* -s; NULL-terminated */
    const char *config;         /* -c: tollgate.conf; NULL: the usual one */
    bool json;
    bool color;         /* never together with json */
    bool names_sockets; /* -s was given */
};

/* One answer, or line of a stream, for printing. */
struct ctl_answer {
    const struct ctl_options *options;
    const char *daemon; /* "tollgate-policyd" */
    bool is_alone;      /* of one daemon only: no heading needed */
    const json_t *result;
    const json_t *arguments; /* as they were sent */
    FILE *out;
};

struct ctl_command {
    const char *name;   /* the words as typed: "config show" */
    const char *usage;  /* what follows them, as in "NET [DURATION] [REASON]" */
    const char *help;   /* one line */
    const char *remote; /* the control command; NULL: name */
    enum ctl_target target;
    /*
     * argv[0] is the first word after the name. Fills the arguments of the
     * request; false: usage, err says what is wrong. NULL: takes none.
     */
    bool (*parse)(int argc, char **argv, json_t *arguments, struct error *err);
    /* CTL_STORE: adds what another daemon of the same store knows besides;
     * NULL: all know the same. */
    void (*merge)(json_t *result, const json_t *other);
    /* For people; with -j the line is printed as it came. */
    void (*print)(const struct ctl_answer *);
    /* NULL: what was answered was done. */
    enum ctl_exit (*judge)(const json_t *result);
    /* Or, without a daemon; argv as for parse, ends with NULL. */
    enum ctl_exit (*run)(
        const struct ctl_options *, int argc, char **argv, struct error *err);
};

/* By topic, each in the file that prints it; each ends with a row without
 * name. */
extern const struct ctl_command ctl_commands_bans[];
extern const struct ctl_command ctl_commands_certs[];
extern const struct ctl_command ctl_commands_config[];
extern const struct ctl_command ctl_commands_counters[];
extern const struct ctl_command ctl_commands_daemon[];
extern const struct ctl_command ctl_commands_explain[];
extern const struct ctl_command ctl_commands_health[];
extern const struct ctl_command ctl_commands_overrides[];
extern const struct ctl_command ctl_commands_peers[];
extern const struct ctl_command ctl_commands_postfix[];
extern const struct ctl_command ctl_commands_report[];
extern const struct ctl_command ctl_commands_setup[];
extern const struct ctl_command ctl_commands_status[];
extern const struct ctl_command ctl_commands_top[];
extern const struct ctl_command ctl_commands_watch[];

/* One after the other; NULL past the end. */
const struct ctl_command *ctl_command_at(size_t index);

/*
 * The row whose words argv begins with; the longest one. *words_r: how many.
 * NULL: none.
 */
const struct ctl_command *ctl_command_find(
    int argc, char *const *argv, int *words_r);

#endif
