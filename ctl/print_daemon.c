/*
 * print_daemon.c - restart.
 */
#include "ctl/print.h"
#include "ctl/table.h"

static void print_restart(const struct ctl_answer *answer)
{
    table_print_text(answer->out, answer->daemon);
    fprintf(answer->out,
        ": process %lld has taken over; the old one finishes its sessions\n",
        print_number(answer->result, "successor"));
}

const struct ctl_command ctl_commands_daemon[] = {
    {.name = "restart",
        .usage = "",
        .help = "hand over to a new process, without a gap",
        .target = CTL_EACH,
        .print = print_restart},
    {0},
};
