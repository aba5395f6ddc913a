/*
 * stream.c - see stream.h.
 */
#include "ctl/stream.h"

#include "common/base/alloc.h"
#include "ctl/ask.h"
#include "ctl/client.h"
#include "ctl/reply.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct source {
    struct client *client; /* NULL: it has ended, or never was */
    char *daemon;          /* NULL: it has not answered yet */
};

struct sources {
    const struct ctl_options *options;
    const struct ctl_command *command;
    const json_t *arguments;
    struct source items[ASK_SOCKETS_MAX];
    size_t count, open;
    enum ctl_exit exit;
};

static void source_end(struct sources *sources, struct source *source)
{
    client_close(&source->client);
    free(source->daemon);
    source->daemon = NULL;
    sources->open--;
}

/* The answer to the request itself. */
static void take_answer(
    struct sources *sources, struct source *source, const struct reply *reply)
{
    if (reply->is_ok) {
        source->daemon = xstrdup(reply->daemon);
        if (sources->exit == CTL_NO_DAEMON)
            sources->exit = CTL_DONE;
        return;
    }
    enum ctl_exit exit = ask_show_refusal(sources->options, reply);
    if (sources->exit == CTL_NO_DAEMON || exit > sources->exit)
        sources->exit = exit;
    source_end(sources, source);
}

static void take_line(
    struct sources *sources, const struct source *source, const json_t *object)
{
    const struct ctl_answer answer = {
        .options = sources->options,
        .daemon = source->daemon,
        .is_alone = sources->open == 1,
        .result = object,
        .arguments = sources->arguments,
        .out = stdout,
    };

    sources->command->print(&answer);
}

static void take(struct sources *sources, struct source *source)
{
    struct error err;
    struct reply reply;
    char *line = client_receive(source->client, CLIENT_WAIT_MS, &err);

    if (line == NULL) {
        ask_complain(err.text);
        source_end(sources, source);
        return;
    }
    reply_parse(line, &reply);
    if (sources->options->json)
        puts(reply.line);
    if (source->daemon == NULL)
        take_answer(sources, source, &reply);
    else if (!sources->options->json)
        take_line(sources, source, reply.root);
    reply_clear(&reply);
    (void)fflush(stdout);
}

/* Until one of them has something; -1: never. */
static int await(const struct sources *sources, struct pollfd *fds)
{
    for (size_t i = 0; i < sources->count; i++) {
        const struct client *client = sources->items[i].client;
        fds[i] = (struct pollfd){
            .fd = client != NULL ? client_fd(client) : -1, .events = POLLIN};
    }
    int ready = poll(fds, (nfds_t)sources->count, -1);
    return ready == -1 && errno == EINTR ? 0 : ready;
}

static void follow(struct sources *sources)
{
    struct pollfd fds[ASK_SOCKETS_MAX];

    while (sources->open > 0 && await(sources, fds) != -1)
        for (size_t i = 0; i < sources->count; i++) {
            struct source *source = &sources->items[i];
            if (source->client == NULL || fds[i].revents == 0)
                continue;
            do
                take(sources, source);
            while (source->client != NULL && client_has_line(source->client));
        }
}

enum ctl_exit stream(const struct ctl_options *options,
    const struct ctl_command *command, const json_t *arguments)
{
    struct sources sources = {.options = options,
        .command = command,
        .arguments = arguments,
        .exit = CTL_NO_DAEMON};
    struct error err;
    char *line = ask_request_line(command, arguments);

    for (const char *const *path = options->sockets; *path != NULL; path++) {
        struct client *client = ask_open(options, *path);
        if (client != NULL && !client_send(client, line, &err)) {
            ask_complain(err.text);
            client_close(&client);
        }
        if (client != NULL) {
            sources.items[sources.count++].client = client;
            sources.open++;
        }
    }
    free(line);
    if (sources.open == 0)
        ask_complain_of_nobody(options);
    follow(&sources);
    return sources.exit;
}
