/*
 * build_client.c - limits from the client_* options.
 *
 * An option of 0 makes no limit: that counter is reported only, which the
 * engine does without a configuration.
 */
#include "common/config/build.h"

#include "common/base/alloc.h"
#include "common/core/verdict.h"

#include <string.h>

#define SHARED_NAME "f"

static const struct client_option {
    enum event_kind event;
    const char *option;
    const char *store_name; /* short: there is one of it for every client */
} client_options[] = {
    {EVENT_CONNECTION_COUNT, "client_connection_count_limit", "c"},
    {EVENT_CONNECTION, "client_connection_rate_limit", "r"},
    {EVENT_MESSAGE, "client_message_rate_limit", "m"},
    {EVENT_RECIPIENT, "client_recipient_rate_limit", "p"},
    {EVENT_TLS, "client_new_tls_session_rate_limit", "t"},
    {EVENT_AUTH, "client_auth_rate_limit", "a"},
};

#define CLIENT_KEY   (1u << KEY_SERVICE | 1u << KEY_CLIENT)
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const char *config_client_store_name(
    enum event_kind event, enum limit_window window)
{
    for (size_t i = 0; i < COUNT(client_options); i++) {
        if (client_options[i].event != event)
            continue;
        bool is_shared =
            window == LIMIT_WINDOW_FIXED && event != EVENT_CONNECTION_COUNT;
        return is_shared ? SHARED_NAME : client_options[i].store_name;
    }
    return NULL;
}

static bool check_client_option(const struct config *config,
    const struct client_option *option, struct error *err)
{
    const struct section *top = values_section(config->values, SECTION_TOP);
    const struct setting *setting = section_setting(top, option->option);
    const struct setting *at = section_setting(top, "client_limits_at");
    if (config->client.at == 0)
        return setting_refuse(setting, err,
            "needs to know who feeds it; set client_limits_at to \"anvil\"%s%s",
            event_can_feed(FACE_POLICY, option->event) ? " or \"policy\"" : "",
            event_can_feed(FACE_MILTER, option->event) ? " or \"milter\"" : "");
    enum face face = (enum face)(config->client.at - 1);
    if (!event_can_feed(face, option->event))
        return setting_refuse(setting, err,
            "cannot be fed by client_limits_at = \"%s\"; set that to \"anvil\" "
            "or this to 0",
            face_name(face));
    if (!build_has_face(config, face))
        return setting_refuse(at, err, "%s has no listener for \"%s\"; add one",
            build_listen_option(face), face_name(face));
    return true;
}

bool build_client_limits(struct config *config, struct error *err)
{
    enum limit_window window = config->client.window;
    for (size_t i = 0; i < COUNT(client_options); i++) {
        const struct client_option *option = &client_options[i];
        bool is_count = option->event == EVENT_CONNECTION_COUNT;
        bool is_fixed = !is_count && window == LIMIT_WINDOW_FIXED;
        if (config->client.n[option->event] == 0)
            continue;
        if (!check_client_option(config, option, err))
            return false;
        *build_add_limit(config) = (struct limit){
            .name = xstrdup(option->option),
            .store_name =
                xstrdup(config_client_store_name(option->event, window)),
            .kind = is_count ? LIMIT_COUNT : LIMIT_RATE,
            .window = is_fixed ? LIMIT_WINDOW_FIXED : LIMIT_WINDOW_SLIDING,
            .event = option->event,
            .at = (enum face)(config->client.at - 1),
            .key = CLIENT_KEY,
            .prefixes = config->prefixes,
            .field = is_fixed ? (uint8_t)option->event : 0,
            .n = config->client.n[option->event],
            .window_ms = is_count ? 0 : config->rate_time_unit_ms,
            .services = xcalloc(1, sizeof(char *)),
            .action = verdict_default_action(option->event, CLIENT_KEY),
            .is_client = true,
            .shadow = config->shadow,
            .on_store_failure = config->on_store_failure,
        };
    }
    return true;
}
