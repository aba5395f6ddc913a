/*
 * reply.c - see reply.h.
 *
 * Takes apart what verdict_action has made: one line, of a known length. What
 * looks like an enhanced code but is of another class than the code is text.
 */
#include "milter/reply.h"

#include <string.h>

#define DIGITS "0123456789"

/* The length of "N.NNN.NNN", or 0. */
static size_t xcode_length(const char *text, char class)
{
    if (text[0] != class || text[1] != '.')
        return 0;
    size_t subject = strspn(text + 2, DIGITS);
    if (subject < 1 || subject > 3 || text[2 + subject] != '.')
        return 0;
    size_t detail = strspn(text + 3 + subject, DIGITS);
    size_t len = 3 + subject + detail;
    if (detail < 1 || detail > 3 || (text[len] != ' ' && text[len] != '\0'))
        return 0;
    return len;
}

void reply_split(const char *action, struct reply *reply_r)
{
    size_t at = 0;

    memset(reply_r, 0, sizeof *reply_r);
    memcpy(reply_r->code, action, 3);
    action += 3;
    action += strspn(action, " ");
    size_t len = xcode_length(action, reply_r->code[0]);
    memcpy(reply_r->xcode, action, len);
    action += len;
    for (action += strspn(action, " ");
         *action != '\0' && at + 2 < sizeof reply_r->text; action++) {
        if (*action == '%')
            reply_r->text[at++] = '%';
        reply_r->text[at++] = *action;
    }
}
