/*
 * commands_bans.c - ban, unban, bans.
 *
 * Infrastructure is refused here, so that whoever asks hears why; the engine
 * does not rely on it (engine/ban.h).
 */
#include "common/control/control_command.h"
#include "common/control/describe.h"

#include "common/config/option_checks.h"
#include "common/control/edict_write.h"
#include "common/engine/ban.h"
#include "common/engine/daemon.h"
#include "common/engine/key_check.h"

#include <string.h>

static struct engine *engine_of(const struct control_call *call)
{
    return daemon_engine(control_call_host(call)->daemon);
}

static const struct config *config_of(const struct control_call *call)
{
    return engine_config(engine_of(call));
}

static void set_net(const struct control_call *call, struct edict *edict,
    const struct cidr *given)
{
    struct cidr net = *given;
    char text[CIDR_TEXT_SIZE];
    struct error ignored; /* a network's text is one */

    config_fold_client(config_of(call), &net);
    (void)edict_set_ban(edict, cidr_format(&net, text), &ignored);
}

static void set_name(const struct control_call *call, struct edict *edict,
    const struct counter_key *key)
{
    const struct event event = counter_key_event(key);
    struct subject subject;

    limit_subject((uint16_t)(1u << key->part), &event, "",
        config_of(call)->prefixes, &subject);
    edict_set_name_ban(edict, key->part, &subject);
}

/* "net" of the arguments: a network, or a name as `show` takes it. It is kept
 * as it is counted. must_occur: what no request can have is refused. */
static bool read_who(struct control_call *call, const json_t *arguments,
    struct edict *edict, bool must_occur)
{
    const char *text = json_string_value(json_object_get(arguments, "net"));
    struct counter_key key;
    struct error err;
    bool is_good = counter_key_parse(text, &key, &err);

    if (is_good && key.is_unproxied)
        is_good = error_set(&err,
            "%s: these are the proxies themselves, which cannot be banned",
            text);
    if (is_good && must_occur && key.part != KEY_CLIENT)
        is_good = name_may_occur(&key, &err);
    if (!is_good)
        control_refuse(call, CONTROL_USAGE, "%s", err.text);
    else if (key.part == KEY_CLIENT)
        set_net(call, edict, &key.client);
    else
        set_name(call, edict, &key);
    return is_good;
}

/* Of a program: the network that limits count, not one address of it. */
static void read_automatic(const struct control_call *call,
    const json_t *arguments, struct edict *edict)
{
    char text[CIDR_TEXT_SIZE];
    struct error err;

    edict->is_automatic = json_is_true(json_object_get(arguments, "automatic"));
    if (!edict->is_automatic || edict->part != KEY_CLIENT)
        return;
    const struct cidr net =
        limit_client_net(&edict->net, config_of(call)->prefixes);
    (void)edict_set_ban(edict, cidr_format(&net, text), &err);
}

/* A network is refused before anybody could be told so, by anvil even. */
static bool read_action(
    struct control_call *call, const json_t *arguments, struct edict *edict)
{
    const char *text = json_string_value(json_object_get(arguments, "action"));
    bool is_good = true;
    struct error err;

    if (text == NULL)
        return true;
    if (edict->part == KEY_CLIENT)
        is_good = error_set(&err, "a network is refused, and has no action");
    else if (strlen(text) >= sizeof edict->action)
        is_good =
            error_set(&err, "longer than %zu bytes", sizeof edict->action - 1);
    else
        is_good = option_check_ban_action(text, &err);
    if (is_good)
        edict_set_text(edict->action, sizeof edict->action, text);
    else
        control_refuse(call, CONTROL_USAGE, "action: %s", err.text);
    return is_good;
}

static void run_ban(struct control_call *call, const json_t *arguments)
{
    const char *reason =
        json_string_value(json_object_get(arguments, "reason"));
    struct edict edict = {.kind = EDICT_BAN};
    struct error err;
    uint64_t life_ms;

    if (!read_who(call, arguments, &edict, true) ||
        !read_action(call, arguments, &edict) ||
        !edict_write_life(call, arguments, &life_ms))
        return;
    read_automatic(call, arguments, &edict);
    if (edict.part == KEY_CLIENT &&
        !ban_check(engine_of(call), &edict.net, &err)) {
        control_refuse(call, CONTROL_FAILED, "%s", err.text);
        return;
    }
    edict_set_text(
        edict.reason, sizeof edict.reason, reason != NULL ? reason : "");
    edict_write(call, &edict, life_ms, "ban");
}

/* One that `bans` lists with escapes in it is taken as it stands there. */
static void use_listed(const struct control_call *call, const json_t *arguments,
    struct edict *edict)
{
    const char *text = json_string_value(json_object_get(arguments, "net"));
    const struct edict_table *edicts =
        store_edicts(engine_store(engine_of(call)));
    const struct edict *listed = edict_table_find(edicts, EDICT_BAN, text);
    struct error ignored; /* it is a key already */

    if (edict->part != KEY_CLIENT && listed != NULL)
        (void)edict_set_ban(edict, listed->key, &ignored);
}

static void run_unban(struct control_call *call, const json_t *arguments)
{
    struct edict edict = {.kind = EDICT_BAN};

    if (!read_who(call, arguments, &edict, false))
        return;
    read_automatic(call, arguments, &edict);
    use_listed(call, arguments, &edict);
    edict_write(call, &edict, 0, "ban");
}

/* One that was banned before it became infrastructure. */
static void add_void(
    const struct control_host *host, const struct edict *edict, json_t *member)
{
    struct engine *engine = daemon_engine(host->daemon);

    json_object_set_new(member, "void",
        json_boolean(edict->part == KEY_CLIENT &&
                     ban_is_void(engine, engine_config(engine), &edict->net)));
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
            {"reason", CONTROL_TEXT, false}, {"automatic", CONTROL_FLAG, false},
            {"action", CONTROL_TEXT, false}},
        run_ban, "refuse a network or a name, for an hour"},
    {"unban", CONTROL_CHANGE, false,
        {{"net", CONTROL_TEXT, true}, {"automatic", CONTROL_FLAG, false}},
        run_unban, "lift a ban"},
    {"bans", CONTROL_READ, false, {{0}}, run_bans, "who is banned"},
    {0},
};
