/*
 * ask.h - sends a command to the daemons and shows what they say.
 */
#ifndef TOLLGATE_CTL_ASK_H
#define TOLLGATE_CTL_ASK_H

#include "ctl/command.h"

#define ASK_SOCKETS_MAX 16

/* Says on stderr what was refused, or who did not answer. */
enum ctl_exit ask(const struct ctl_options *, const struct ctl_command *,
    const json_t *arguments);

/* The parts of it, for stream.c. */
struct client;
struct reply;

/* A line on stderr. */
void ask_complain(const char *text);
/* No daemon answered at any of the sockets. */
void ask_complain_of_nobody(const struct ctl_options *);
/* NULL: nobody answers there; said on stderr where somebody should. */
struct client *ask_open(const struct ctl_options *, const char *path);
/* Without its newline; the caller frees it. */
char *ask_request_line(const struct ctl_command *, const json_t *arguments);
enum ctl_exit ask_show_refusal(
    const struct ctl_options *, const struct reply *);

#endif
