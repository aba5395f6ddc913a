/*
 * reply.c - see reply.h.
 *
 * Takes apart what verdict_action has made: one line, of a known length. What
 * looks like an enhanced code but is of another class than the code is text.
 */
#include "milter/reply.h"

#include <string.h>
#include <strings.h>

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

/* Code and enhanced code; returns what follows. */
static const char *split_codes(const char *action, struct reply *reply)
{
    memcpy(reply->code, action, 3);
    action += 3;
    action += strspn(action, " ");
    size_t len = xcode_length(action, reply->code[0]);
    memcpy(reply->xcode, action, len);
    return action + len;
}

/* A word of Postfix's, which ends at a blank. */
static const char *split_word(const char *action, struct reply *reply)
{
    bool is_final = strncasecmp(action, "REJECT", strlen("REJECT")) == 0;

    (void)split_codes(is_final ? "554 5.7.1" : "450 4.7.1", reply);
    action += strcspn(action, " ");
    return action[strspn(action, " ")] != '\0' ? action
                                               : "Error: access denied";
}

void reply_split(const char *action, struct reply *reply_r)
{
    size_t at = 0;

    memset(reply_r, 0, sizeof *reply_r);
    action = action[0] == '4' || action[0] == '5' ? split_codes(action, reply_r)
                                                  : split_word(action, reply_r);
    for (action += strspn(action, " ");
         *action != '\0' && at + 2 < sizeof reply_r->text; action++) {
        if (*action == '%')
            reply_r->text[at++] = '%';
        reply_r->text[at++] = *action;
    }
}
