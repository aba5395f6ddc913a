/*
 * control_request.h - one line of the control socket becomes a request.
 *
 * Pure: no socket, no daemon. A line is one JSON object with "command" and, if
 * it has some, "arguments"; anything else in it is refused rather than
 * ignored, because a misspelt member would change what is done.
 */
#ifndef TOLLGATE_CONTROL_CONTROL_REQUEST_H
#define TOLLGATE_CONTROL_CONTROL_REQUEST_H

#include "common/control/control_command.h"

#define CONTROL_LINE_MAX 65536 /* bytes of a request, without its newline */
#define CONTROL_NAME_MAX 32    /* of a command */

struct control_request {
    char command[CONTROL_NAME_MAX];
    json_t *arguments; /* an object, never NULL; owned */
};

/* len bytes without the newline; any bytes. */
bool control_request_parse(
    const char *line, size_t len, struct control_request *, struct error *err);
void control_request_clear(struct control_request *);

/* Are they those of the row, of their types, with none missing? */
bool control_request_check(const struct control_request *,
    const struct control_command *, struct error *err);

#endif
