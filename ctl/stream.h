/*
 * stream.h - a command whose answer goes on until it is interrupted (watch).
 */
#ifndef TOLLGATE_CTL_STREAM_H
#define TOLLGATE_CTL_STREAM_H

#include "ctl/command.h"

/*
 * Every daemon at once, line by line as they come; print gets each of them as
 * result, the answer to the request first. Ends with the last daemon.
 */
enum ctl_exit stream(const struct ctl_options *, const struct ctl_command *,
    const json_t *arguments);

#endif
