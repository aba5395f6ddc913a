/*
 * commands.c - the topics of the table, one after the other.
 */
#include "common/control/control_command.h"

#include <string.h>

static const struct control_command *const topics[] = {
    commands_status,
    commands_config,
    commands_daemon,
    commands_bans,
    commands_overrides,
    commands_explain,
    commands_top,
    commands_report,
    commands_watch,
    commands_certs,
    commands_counters,
    commands_peers,
};

/* One after the other; NULL past the end. */
static const struct control_command *command_at(size_t index)
{
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
        for (const struct control_command *row = topics[i]; row->name != NULL;
             row++)
            if (index-- == 0)
                return row;
    return NULL;
}

const struct control_command *control_command_find(
    const struct control_host *host, const char *name)
{
    const struct control_command *row;

    for (size_t i = 0; (row = command_at(i)) != NULL; i++)
        if (strcmp(row->name, name) == 0)
            return row->needs_certs && host->certs == NULL ? NULL : row;
    return NULL;
}
