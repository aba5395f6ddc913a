/*
 * ask.c - see ask.h.
 *
 * Asks one daemon after the other; all have answered before anything is
 * shown. A daemon that does not know the command was not meant, as long as
 * another does. What daemons share in a store is shown once.
 */
#include "ctl/ask.h"

#include "ctl/client.h"
#include "ctl/reply.h"
#include "ctl/table.h"

#include <stdlib.h>

struct replies {
    struct reply items[ASK_SOCKETS_MAX];
    size_t count;
};

void ask_complain(const char *text)
{
    fprintf(stderr, "tollgatectl: %s\n", text);
}

void ask_complain_of_nobody(const struct ctl_options *options)
{
    fputs("tollgatectl: no daemon answers at", stderr);
    for (const char *const *path = options->sockets; *path != NULL; path++) {
        fputs(path == options->sockets ? " " : " or ", stderr);
        table_print_text(stderr, *path);
    }
    fputs(
        options->names_sockets ? "\n" : "; -s names another socket\n", stderr);
}

/* A default socket that is not there is a daemon that is not installed. */
struct client *ask_open(const struct ctl_options *options, const char *path)
{
    struct error err;
    bool is_missing;
    struct client *client = client_open(path, &is_missing, &err);

    if (client == NULL && (options->names_sockets || !is_missing))
        ask_complain(err.text);
    return client;
}

static void ask_one(
    struct client *client, const char *line, struct replies *replies)
{
    struct error err;
    char *answer = client_send(client, line, &err)
                       ? client_receive(client, CLIENT_WAIT_MS, &err)
                       : NULL;

    if (answer == NULL)
        ask_complain(err.text);
    else
        reply_parse(answer, &replies->items[replies->count++]);
}

/* The first reply of the same store, of the same kind; NULL: it is the first
 * itself. */
static struct reply *first_of_store(
    const struct ctl_command *command, struct replies *replies, size_t index)
{
    const struct reply *reply = &replies->items[index];

    for (size_t i = 0; command->target == CTL_STORE && i < index; i++)
        if (replies->items[i].is_ok == reply->is_ok &&
            reply_is_same_store(&replies->items[i], reply))
            return &replies->items[i];
    return NULL;
}

/* False: it is part of an earlier one. */
static bool is_first(
    const struct ctl_command *command, struct replies *replies, size_t index)
{
    struct reply *first = first_of_store(command, replies, index);

    if (first != NULL && first->is_ok && command->merge != NULL)
        command->merge(first->result, replies->items[index].result);
    return first == NULL;
}

/* Is there another reply that makes this refusal unimportant? */
static bool is_overruled(const struct ctl_command *command,
    const struct replies *replies, const struct reply *reply)
{
    bool is_unknown = reply_has_code(reply, "unknown");

    if (reply->is_ok)
        return false;
    for (size_t i = 0; i < replies->count; i++) {
        const struct reply *other = &replies->items[i];
        if (is_unknown && !reply_has_code(other, "unknown"))
            return true;
        if (command->target == CTL_STORE && other->is_ok)
            return true;
    }
    return false;
}

enum ctl_exit ask_show_refusal(
    const struct ctl_options *options, const struct reply *reply)
{
    if (!options->json) {
        fputs("tollgatectl: ", stderr);
        table_print_text(stderr, reply->daemon);
        fputs(": ", stderr);
        table_print_text(stderr, reply->error);
        fputc('\n', stderr);
    }
    return reply_has_code(reply, "usage") ? CTL_USAGE : CTL_REFUSED;
}

static enum ctl_exit show_one(const struct ctl_options *options,
    const struct ctl_command *command, const json_t *arguments,
    const struct reply *reply, bool is_alone)
{
    const struct ctl_answer answer = {
        .options = options,
        .daemon = reply->daemon,
        .is_alone = is_alone,
        .result = reply->result,
        .arguments = arguments,
        .out = stdout,
    };

    if (options->json)
        printf("%s\n", reply->line);
    if (!reply->is_ok)
        return ask_show_refusal(options, reply);
    if (!options->json)
        command->print(&answer);
    return command->judge != NULL ? command->judge(reply->result) : CTL_DONE;
}

static enum ctl_exit show(const struct ctl_options *options,
    const struct ctl_command *command, const json_t *arguments,
    struct replies *replies)
{
    enum ctl_exit worst = CTL_DONE;
    bool is_shown[ASK_SOCKETS_MAX];
    size_t shown = 0;

    for (size_t i = 0; i < replies->count; i++) {
        is_shown[i] = is_first(command, replies, i) &&
                      !is_overruled(command, replies, &replies->items[i]);
        shown += is_shown[i] ? 1 : 0;
    }
    for (size_t i = 0; i < replies->count; i++) {
        if (!is_shown[i])
            continue;
        enum ctl_exit exit = show_one(
            options, command, arguments, &replies->items[i], shown == 1);
        if (exit > worst)
            worst = exit;
    }
    return worst;
}

char *ask_request_line(
    const struct ctl_command *command, const json_t *arguments)
{
    const char *name =
        command->remote != NULL ? command->remote : command->name;
    json_t *request =
        json_pack("{s:s, s:O}", "command", name, "arguments", arguments);
    char *line = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;

    json_decref(request);
    if (line == NULL)
        abort();
    return line;
}

enum ctl_exit ask(const struct ctl_options *options,
    const struct ctl_command *command, const json_t *arguments)
{
    struct replies replies = {.count = 0};
    char *line = ask_request_line(command, arguments);
    enum ctl_exit exit = CTL_NO_DAEMON;

    for (const char *const *path = options->sockets; *path != NULL; path++) {
        struct client *client = ask_open(options, *path);
        if (client != NULL)
            ask_one(client, line, &replies);
        client_close(&client);
    }
    free(line);
    if (replies.count == 0)
        ask_complain_of_nobody(options);
    else
        exit = show(options, command, arguments, &replies);
    for (size_t i = 0; i < replies.count; i++)
        reply_clear(&replies.items[i]);
    return exit;
}
