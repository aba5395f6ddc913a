/*
 * gate_check.c - see gate_check.h.
 */
#include "policyd/gate_check.h"

#include <strings.h>

const char *gate_check_reply(const char *line, size_t len, bool *ends_r)
{
    static const struct {
        const char *verb, *reply;
        bool ends;
    } rows[] = {
        {"HELO", "250 tollgate", false},
        {"EHLO", "250 tollgate", false},
        {"NOOP", "250 2.0.0 Ok", false},
        {"RSET", "250 2.0.0 Ok", false},
        {"QUIT", "221 2.0.0 Bye", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (len >= 4 && strncasecmp(line, rows[i].verb, 4) == 0 &&
            (len == 4 || line[4] == ' ')) {
            *ends_r = rows[i].ends;
            return rows[i].reply;
        }
    *ends_r = true;
    return "421 4.7.0 Error: the proxy names no client";
}
