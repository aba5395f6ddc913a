/*
 * commands_bans.c - ban, unban, bans.
 *
 * Infrastructure is refused here, so that whoever asks hears why; the engine
 * does not rely on it (engine/ban.h).
 */
#include "common/control/control_command.h"
#include "common/control/describe.h"

#include "common/control/edict_write.h"
#include "common/engine/ban.h"
#include "common/engine/daemon.h"

#include <string.h>

static struct engine *engine_of(const struct control_call *call)
{
    return daemon_engine(control_call_host(call)->daemon);
}

static bool read_net(
    struct control_call *call, const json_t *arguments, struct edict *edict)
{
    const char *net = json_string_value(json_object_get(arguments, "net"));
    char text[CIDR_TEXT_SIZE];
    struct error err;

    if (edict_set_ban(edict, net, &err)) {
        config_fold_client(engine_config(engine_of(call)), &edict->net);
        return edict_set_ban(edict, cidr_format(&edict->net, text), &err);
    }
    control_refuse(call, CONTROL_USAGE, "%s", err.text);
    return false;
}

/* Of a program: the network that limits count, not one address of it. */
static void read_automatic(const struct control_call *call,
    const json_t *arguments, struct edict *edict)
{
    const struct config *config = engine_config(engine_of(call));
    char text[CIDR_TEXT_SIZE];
    struct error err;

    edict->is_automatic = json_is_true(json_object_get(arguments, "automatic"));
    if (!edict->is_automatic)
        return;
    const struct cidr net = limit_client_net(&edict->net, config->prefixes);
    (void)edict_set_ban(edict, cidr_format(&net, text), &err);
}

static void run_ban(struct control_call *call, const json_t *arguments)
{
    const char *reason =
        json_string_value(json_object_get(arguments, "reason"));
    struct edict edict = {.kind = EDICT_BAN};
    struct error err;
    uint64_t life_ms;

    if (!read_net(call, arguments, &edict) ||
        !edict_write_life(call, arguments, &life_ms))
        return;
    read_automatic(call, arguments, &edict);
    if (!ban_check(engine_of(call), &edict.net, &err)) {
        control_refuse(call, CONTROL_FAILED, "%s", err.text);
        return;
    }
    edict_set_text(
        edict.reason, sizeof edict.reason, reason != NULL ? reason : "");
    edict_write(call, &edict, life_ms, "ban");
}

static void run_unban(struct control_call *call, const json_t *arguments)
{
    struct edict edict = {.kind = EDICT_BAN};

    if (!read_net(call, arguments, &edict))
        return;
    read_automatic(call, arguments, &edict);
    edict_write(call, &edict, 0, "ban");
}

/* One that was banned before it became infrastructure. */
static void add_void(
    const struct control_host *host, const struct edict *edict, json_t *member)
{
    struct engine *engine = daemon_engine(host->daemon);

    json_object_set_new(member, "void",
        json_boolean(ban_is_void(engine, engine_config(engine), &edict->net)));
}

json_t *describe_bans(const struct control_host *host, size_t most)
{
    return edict_some(host, EDICT_BAN, most, add_void);
}

static void run_bans(struct control_call *call, const json_t *arguments)
{
    edict_list(call, EDICT_BAN, "bans", add_void);
}

const struct control_command commands_bans[] = {
    {"ban", CONTROL_CHANGE, false,
        {{"net", CONTROL_TEXT, true}, {"duration", CONTROL_TEXT, false},
            {"reason", CONTROL_TEXT, false},
            {"automatic", CONTROL_FLAG, false}},
        run_ban, "refuse a network, an hour if not said otherwise"},
    {"unban", CONTROL_CHANGE, false,
        {{"net", CONTROL_TEXT, true}, {"automatic", CONTROL_FLAG, false}},
        run_unban, "lift a ban"},
    {"bans", CONTROL_READ, false, {{0}}, run_bans, "who is banned"},
    {0},
};
