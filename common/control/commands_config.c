/*
 * commands_config.c - config show, config check, reload.
 *
 * No password is ever shown: config_show hides them, and errors of the
 * configuration repeat none.
 */
#include "common/control/control_command.h"

#include "common/engine/daemon.h"

#include <stdlib.h>
#include <string.h>

/* False: no such word. */
static bool parse_what(const json_t *arguments, enum config_show *what_r)
{
    static const char *const words[] = {[CONFIG_SHOW_ALL] = "all",
        [CONFIG_SHOW_CHANGED] = "changed",
        [CONFIG_SHOW_DEFAULTS] = "defaults"};
    const char *what = json_string_value(json_object_get(arguments, "what"));

    *what_r = CONFIG_SHOW_ALL;
    for (unsigned i = 0; what != NULL && i < 3; i++)
        if (strcmp(words[i], what) == 0) {
            *what_r = (enum config_show)i;
            return true;
        }
    return what == NULL;
}

static void run_show(struct control_call *call, const json_t *arguments)
{
    const struct control_host *host = control_call_host(call);
    const struct config *config = engine_config(daemon_engine(host->daemon));
    enum config_show what;
    char *text = NULL;
    size_t len = 0;

    if (!parse_what(arguments, &what)) {
        control_refuse(
            call, CONTROL_USAGE, "what: one of all, changed, defaults");
        return;
    }
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        abort();
    config_show(config, what, out);
    if (fclose(out) != 0)
        abort();
    control_answer(call, json_pack("{s:s, s:o}", "hash", config->hash, "text",
                             control_text(text)));
    free(text);
}

static json_t *texts(const char *const *items, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, control_text(items[i]));
    return array;
}

static json_t *texts_of(const struct config_texts *list)
{
    return texts((const char *const *)list->items, list->count);
}

static json_t *change_of(
    const struct daemon_reload *reload, const struct config *config)
{
    const struct config_changes *changes = &reload->changes;

    return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "before",
        reload->before, "after", reload->after, "changed", reload->has_changed,
        "at_start", texts(reload->at_start, reload->at_start_count), "warnings",
        texts((const char *const *)config->warnings, config->warning_count),
        "gained", texts_of(&changes->gained), "lost", texts_of(&changes->lost),
        "guarded", texts_of(&changes->guarded));
}

static void run_check(struct control_call *call, const json_t *arguments)
{
    struct daemon *daemon = control_call_host(call)->daemon;
    struct daemon_reload reload;
    struct error err;
    struct config *config = daemon_try_config(daemon, &reload, &err);

    if (config == NULL)
        control_refuse(call, CONTROL_FAILED, "%s", err.text);
    else
        control_answer(call, change_of(&reload, config));
    daemon_reload_clear(&reload);
    config_unref(&config);
}

static void run_reload(struct control_call *call, const json_t *arguments)
{
    struct daemon *daemon = control_call_host(call)->daemon;
    struct daemon_reload reload;
    struct error err;

    bool is_forced = json_is_true(json_object_get(arguments, "force"));

    if (!daemon_reload(daemon, is_forced, &reload, &err))
        control_refuse(
            call, CONTROL_FAILED, "%s; the old configuration stays", err.text);
    else
        control_answer(
            call, change_of(&reload, engine_config(daemon_engine(daemon))));
    daemon_reload_clear(&reload);
}

const struct control_command commands_config[] = {
    {"config show", CONTROL_READ, false, {{"what", CONTROL_TEXT, false}},
        run_show, "the configuration in effect, without passwords"},
    {"config check", CONTROL_READ_APART, false, {{0}}, run_check,
        "would a reload succeed, what would it change and leave to a restart"},
    {"reload", CONTROL_CHANGE, false, {{"force", CONTROL_FLAG, false}},
        run_reload, "read the configuration anew, whole or not at all"},
    {0},
};
