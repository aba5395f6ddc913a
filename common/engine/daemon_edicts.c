/*
 * daemon_edicts.c - bans and overrides go on in a successor.
 *
 * What is in Redis it would hear of anyway, but not while Redis is away; of
 * what is in memory: nobody else can tell. A restart never fails for this: the
 * successor then begins without.
 */
#include "common/engine/daemon_private.h"

#include "common/base/log.h"
#include "common/store/edict_file.h"

int daemon_leave_edicts(const struct daemon *daemon)
{
    const struct edict_table *edicts = store_edicts(daemon->store);
    struct error err;

    if (edict_table_count(edicts, EDICT_BAN) +
            edict_table_count(edicts, EDICT_OVERRIDE) ==
        0)
        return -1;
    int fd = edict_file_write(edicts, &err);
    if (fd == -1)
        log_warn("restart: %s", err.text);
    return fd;
}

void daemon_take_edicts(const struct daemon *daemon)
{
    int fd = successor_take_legacy();

    if (fd != -1 && !edict_file_read(store_edicts(daemon->store), fd))
        log_warn("bans and overrides: not all that the predecessor has left "
                 "could be read");
}
