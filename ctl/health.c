/*
 * health.c - the command health, by the control sockets or by HTTP.
 *
 * Every daemon that has a control socket must serve; where none has one, the
 * answer is no. One that hands over to a successor serves. Waits seconds at
 * most, where the other commands wait for a minute.
 */
#include "ctl/health.h"

#include "ctl/ask.h"
#include "ctl/client.h"
#include "ctl/reply.h"

#include <stdlib.h>
#include <string.h>

static char *ask_status(struct client *client, struct error *err)
{
    static const struct ctl_command status = {.name = "status"};
    json_t *none = json_object();
    char *line = ask_request_line(&status, none);
    char *answer = client_send(client, line, err)
                       ? client_receive(client, HEALTH_WAIT_MS, err)
                       : NULL;

    free(line);
    json_decref(none);
    return answer;
}

static bool serves(struct client *client, struct error *text_r)
{
    struct reply reply;
    char *answer = ask_status(client, text_r);

    if (answer == NULL)
        return false;
    reply_parse(answer, &reply);
    const char *phase =
        json_string_value(json_object_get(reply.result, "phase"));
    bool is_good =
        reply.is_ok && phase != NULL &&
        (strcmp(phase, "serving") == 0 || strcmp(phase, "restarting") == 0);
    error_set(text_r, "%s: %s", reply.daemon,
        reply.is_ok && phase != NULL ? phase : reply.error);
    reply_clear(&reply);
    return is_good;
}

/* Adds to the one line; what has no room is left out. */
static void line_add(char *line, size_t size, const char *text)
{
    size_t len = strlen(line);
    int added =
        snprintf(line + len, size - len, "%s%s", len > 0 ? "; " : "", text);

    if (added < 0 || (size_t)added >= size - len)
        line[len] = '\0';
}

static bool all_serve(
    const struct ctl_options *options, char *line, size_t size)
{
    size_t count = 0, good = 0;

    for (const char *const *path = options->sockets; *path != NULL; path++) {
        struct error text;
        bool is_missing;
        struct client *client = client_open(*path, &is_missing, &text);
        if (client == NULL && is_missing && !options->names_sockets)
            continue;
        count++;
        good += client != NULL && serves(client, &text);
        line_add(line, size, text.text);
        client_close(&client);
    }
    if (count == 0)
        line_add(line, size,
            "no control socket in /run/tollgate; -s SOCKET names another");
    return count > 0 && good == count;
}

static enum ctl_exit health_run(
    const struct ctl_options *options, int argc, char **argv, struct error *err)
{
    char line[1024] = "";
    struct error text;
    bool is_good;

    if (argc > 1) {
        error_set(err, "\"%s\" is too much", argv[1]);
        return CTL_USAGE;
    }
    if (argc == 0) {
        is_good = all_serve(options, line, sizeof line);
    } else {
        is_good = health_http(argv[0], &text);
        line_add(line, sizeof line, text.text);
    }
    fprintf(is_good ? stdout : stderr, "%s\n", line);
    return is_good ? CTL_DONE : CTL_REFUSED;
}

const struct ctl_command ctl_commands_health[] = {
    {.name = "health",
        .usage = "[URL]",
        .help = "do the daemons serve? for probes",
        .run = health_run},
    {0},
};
