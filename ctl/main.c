/*
 * main.c - tollgatectl: options, and the command that they lead to.
 *
 * Exit status: 0 done, 1 refused or not found, 2 usage, 3 no daemon answers.
 */
#include "common/base/log.h"
#include "common/base/nearest.h"
#include "ctl/ask.h"
#include "ctl/command.h"
#include "ctl/stream.h"

#include "config.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_WIDTH 28

static const char *const default_sockets[] = {
    "/run/tollgate/policyd.sock", "/run/tollgate/milter.sock", NULL};

static void print_help(FILE *out)
{
    const struct ctl_command *command;

    fputs("usage: tollgatectl [-hjV] [-c FILE] [-s SOCKET]... COMMAND "
          "[ARGUMENT]...\n"
          "  -c FILE    tollgate.conf, for doctor and guard, which ask no "
          "daemon\n"
          "  -s SOCKET  a daemon's control socket; default: those of the two\n"
          "             in /run/tollgate that exist\n"
          "  -j         JSON, one line a daemon, as received\n"
          "  -h         this text\n"
          "  -V         the version\n"
          "\ncommands:\n",
        out);
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        char text[128];
        int len =
            snprintf(text, sizeof text, "%s %s", command->name, command->usage);
        fprintf(out, "  %-*s", NAME_WIDTH, text);
        if (len + 1 >= NAME_WIDTH) /* two blanks end it */
            fprintf(out, "\n%*s", NAME_WIDTH + 2, "");
        fprintf(out, "%s\n", command->help);
    }
    fputs("\nexit status: 0 done, 1 refused or not found, 2 usage, 3 no daemon "
          "answers\n",
        out);
}

static enum ctl_exit usage(
    const struct ctl_command *command, const char *problem)
{
    fprintf(stderr, "tollgatectl: %s\n", problem);
    if (command != NULL)
        fprintf(stderr, "usage: tollgatectl %s %s\n", command->name,
            command->usage);
    else
        fputs("tollgatectl -h lists the commands\n", stderr);
    return CTL_USAGE;
}

static enum ctl_exit run_remote(const struct ctl_options *options,
    const struct ctl_command *command, int argc, char **argv)
{
    struct error err;
    json_t *arguments = json_object();
    enum ctl_exit exit;

    if (command->parse != NULL
            ? command->parse(argc, argv, arguments, &err)
            : argc == 0 || error_set(&err, "\"%s\" is too much", argv[0]))
        exit = command->target == CTL_STREAM
                   ? stream(options, command, arguments)
                   : ask(options, command, arguments);
    else
        exit = usage(command, err.text);
    json_decref(arguments);
    return exit;
}

/* Of as many words as the command has that is tried. */
static void try_command(struct nearest *nearest, const char *name, char **argv)
{
    struct nearest other;
    char typed[64];

    if (strchr(name, ' ') == NULL)
        snprintf(typed, sizeof typed, "%.60s", argv[0]);
    else if (argv[1] != NULL)
        snprintf(typed, sizeof typed, "%.30s %.30s", argv[0], argv[1]);
    else
        return;
    nearest_begin(&other, typed);
    nearest_try(&other, name);
    if (nearest_word(&other) != NULL && other.distance < nearest->distance)
        *nearest = other;
}

static enum ctl_exit unknown_command(char **argv)
{
    const struct ctl_command *row;
    struct nearest nearest;
    char shown[4 * 60 + 1], text[400];

    nearest_begin(&nearest, "");
    for (size_t i = 0; (row = ctl_command_at(i)) != NULL; i++)
        try_command(&nearest, row->name, argv);
    log_escape(shown, sizeof shown, argv[0], strlen(argv[0]));
    if (nearest.best == NULL)
        snprintf(text, sizeof text, "%s: no such command", shown);
    else
        snprintf(text, sizeof text, "%s: no such command; did you mean %s?",
            shown, nearest.best);
    return usage(NULL, text);
}

static enum ctl_exit run(
    const struct ctl_options *options, int argc, char **argv)
{
    struct error err;
    int words;
    const struct ctl_command *command = ctl_command_find(argc, argv, &words);

    if (argc == 0)
        return usage(NULL, "which command?");
    if (command == NULL)
        return unknown_command(argv);
    if (command->run == NULL)
        return run_remote(options, command, argc - words, argv + words);
    err.text[0] = '\0';
    enum ctl_exit exit =
        command->run(options, argc - words, argv + words, &err);
    if (exit == CTL_USAGE)
        return usage(command, err.text);
    if (err.text[0] != '\0')
        fprintf(stderr, "tollgatectl: %s\n", err.text);
    return exit;
}

static bool may_color(void)
{
    const char *terminal = getenv("TERM");

    return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL &&
           terminal != NULL && strcmp(terminal, "dumb") != 0;
}

int main(int argc, char **argv)
{
    const char *sockets[ASK_SOCKETS_MAX + 1] = {NULL};
    struct ctl_options options = {.sockets = default_sockets};
    size_t count = 0;
    int option;

    while ((option = getopt(argc, argv, "+c:hjs:V")) != -1) {
        switch (option) {
        case 'c':
            options.config = optarg;
            break;
        case 'h':
            print_help(stdout);
            return CTL_DONE;
        case 'j':
            options.json = true;
            break;
        case 's':
            if (count == ASK_SOCKETS_MAX)
                return usage(NULL, "too many sockets");
            sockets[count++] = optarg;
            options.sockets = sockets;
            options.names_sockets = true;
            break;
        case 'V':
            puts("tollgatectl " PACKAGE_VERSION);
            return CTL_DONE;
        default:
            return usage(NULL, "wrong option");
        }
    }
    options.color = !options.json && may_color();
    return run(&options, argc - optind, argv + optind);
}
