/*
 * fake_daemon.c - a daemon in whose name a control call can be answered: it has
 * a program's name and a store's URL, and nothing else.
 */
#include "common/engine/daemon.h"

const char *daemon_program(const struct daemon *daemon)
{
    return "tester";
}

struct engine *daemon_engine(const struct daemon *daemon)
{
    return NULL;
}

struct store *engine_store(const struct engine *engine)
{
    return NULL;
}

void store_state(const struct store *store, struct store_state *state_r)
{
    *state_r = (struct store_state){.description = "memory:"};
}

struct event_base *daemon_base(const struct daemon *daemon)
{
    return NULL;
}
