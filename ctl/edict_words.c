/*
 * edict_words.c - see edict_words.h.
 */
#include "ctl/edict_words.h"

#include "ctl/print.h"
#include "ctl/table.h"

void edict_print_end(const struct ctl_answer *answer)
{
    char span[PRINT_TIME_SIZE], until[PRINT_TIME_SIZE];

    fprintf(answer->out, "for %s, until %s",
        print_span(print_number(answer->result, "seconds"), span),
        print_date(print_number(answer->result, "until"), until));
    if (print_flag(answer->result, "shared"))
        fprintf(answer->out, ", in all daemons of the store\n");
    else
        fprintf(answer->out, ", in this daemon, until it ends\n");
}

void edict_print_action(FILE *out, const json_t *ban)
{
    const char *action = print_text(ban, "action");

    if (action[0] == '\0')
        return;
    fputs(" (", out);
    table_print_text(out, action);
    fputc(')', out);
}

void edict_print_store(const struct ctl_answer *answer)
{
    if (!print_flag(answer->result, "shared"))
        fprintf(answer->out, "(memory: this daemon's own)\n");
    else if (!print_flag(answer->result, "available"))
        fprintf(answer->out, "(the store is away: as it was known last)\n");
}
