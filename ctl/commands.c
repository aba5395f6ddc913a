/*
 * commands.c - the topics of tollgatectl's table, in the order of -h.
 */
#include "ctl/command.h"

#include <string.h>

static const struct ctl_command *const topics[] = {
    ctl_commands_status,
    ctl_commands_health,
    ctl_commands_counters,
    ctl_commands_bans,
    ctl_commands_overrides,
    ctl_commands_explain,
    ctl_commands_top,
    ctl_commands_report,
    ctl_commands_watch,
    ctl_commands_peers,
    ctl_commands_config,
    ctl_commands_daemon,
    ctl_commands_certs,
    ctl_commands_postfix,
    ctl_commands_setup,
};

const struct ctl_command *ctl_command_at(size_t index)
{
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
        for (const struct ctl_command *row = topics[i]; row->name != NULL;
             row++)
            if (index-- == 0)
                return row;
    return NULL;
}

/* How many words of argv are the whole name; 0: it is another. */
static int words_of(const char *name, int argc, char *const *argv)
{
    for (int words = 0; words < argc; words++) {
        size_t len = strcspn(name, " ");
        if (strlen(argv[words]) != len || memcmp(argv[words], name, len) != 0)
            return 0;
        if (name[len] == '\0')
            return words + 1;
        name += len + 1;
    }
    return 0;
}

const struct ctl_command *ctl_command_find(
    int argc, char *const *argv, int *words)
{
    const struct ctl_command *row, *best = NULL;

    *words = 0;
    for (size_t i = 0; (row = ctl_command_at(i)) != NULL; i++) {
        int count = words_of(row->name, argc, argv);
        if (count > *words) {
            *words = count;
            best = row;
        }
    }
    return best;
}
