/*
 * commands_peers.c - peers: who came to proxied services.
 *
 * Of this daemon since its start. The milter proves at accept, so its list
 * has only those who have come as far as a decision.
 */
#include "common/control/control_command.h"
#include "common/control/describe.h"

#include "common/engine/daemon.h"
#include "common/engine/peers.h"

static json_t *list_of(const struct peer_records *records)
{
    json_t *list = json_array();
    char text[ADDRESS_TEXT_SIZE];

    for (size_t i = 0; i < records->count; i++) {
        const struct peer_record *record = &records->items[i];
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:I, s:I, s:I}", "address",
                      address_format(&record->address, text), "service",
                      control_text(record->service), "requests",
                      (json_int_t)record->requests, "first",
                      (json_int_t)(record->first_ms / 1000), "last",
                      (json_int_t)(record->last_ms / 1000)));
    }
    return list;
}

json_t *describe_peers(const struct control_host *host)
{
    static const struct peers nobody;
    const struct engine *engine = daemon_engine(host->daemon);
    const struct config *config = engine_config(engine);
    const struct peers *peers = engine_peers(engine);

    if (peers == NULL)
        peers = &nobody;
    return json_pack("{s:b, s:o, s:o, s:I}", "known",
        config->wants_proof || config->has_gates, "proxies",
        list_of(&peers->proxies), "untrusted", list_of(&peers->untrusted),
        "forgotten",
        (json_int_t)peers->proxies.forgotten +
            (json_int_t)peers->untrusted.forgotten);
}

static void run_peers(struct control_call *call, const json_t *arguments)
{
    control_answer(call, describe_peers(control_call_host(call)));
}

const struct control_command commands_peers[] = {
    {"peers", CONTROL_READ, false, {{0}}, run_peers,
        "proven proxies, and others who came past them"},
    {0},
};
