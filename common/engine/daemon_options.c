/*
 * daemon_options.c - see daemon_options.h. Prints; never exits.
 */
#include "common/engine/daemon_options.h"

#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: %s [-c FILE] [-o NAME=VALUE]... [-t] [-d] [-v] [-V] [-h]\n"
    "  -c FILE        configuration (default " SYSCONFDIR
    "/tollgate/tollgate.conf)\n"
    "  -o NAME=VALUE  set one option, before file and environment\n"
    "  -t             check the configuration and exit: 0, or 1 and why\n"
    "  -d             detach once requests are served (default: foreground)\n"
    "  -v             log in detail\n"
    "  -V             print the version\n"
    "  -h             print this\n";

#define OVERRIDES_MAX \
    (sizeof((struct daemon_options *)0)->overrides / sizeof(char *))

static bool add_override(
    struct daemon_options *options, const char *program, const char *text)
{
    if (strchr(text, '=') == NULL) {
        fprintf(stderr, "%s: -o %s: must be NAME=VALUE\n", program, text);
        return false;
    }
    if (options->source.override_count == OVERRIDES_MAX) {
        fprintf(stderr, "%s: -o: at most %zu are possible\n", program,
            OVERRIDES_MAX);
        return false;
    }
    options->overrides[options->source.override_count++] = text;
    return true;
}

static enum daemon_options_result parse_one(
    int option, const char *program, struct daemon_options *options)
{
    switch (option) {
    case 'c':
        options->source.path = optarg;
        return DAEMON_OPTIONS_RUN;
    case 'o':
        return add_override(options, program, optarg) ? DAEMON_OPTIONS_RUN
                                                      : DAEMON_OPTIONS_BAD;
    case 't':
        options->check_only = true;
        return DAEMON_OPTIONS_RUN;
    case 'd':
        options->detach = true;
        return DAEMON_OPTIONS_RUN;
    case 'v':
        options->verbose = true;
        return DAEMON_OPTIONS_RUN;
    case 'V':
        printf("%s %s\n", program, PACKAGE_VERSION);
        return DAEMON_OPTIONS_DONE;
    case 'h':
        printf(usage_text, program);
        return DAEMON_OPTIONS_DONE;
    default:
        fprintf(stderr, usage_text, program);
        return DAEMON_OPTIONS_BAD;
    }
}

enum daemon_options_result daemon_options_parse(
    int argc, char **argv, const char *program, struct daemon_options *options)
{
    enum daemon_options_result result = DAEMON_OPTIONS_RUN;
    int option;

    memset(options, 0, sizeof *options);
    options->source.overrides = options->overrides;
    while (result == DAEMON_OPTIONS_RUN &&
           (option = getopt(argc, argv, "c:o:tdvVh")) != -1)
        result = parse_one(option, program, options);
    if (result == DAEMON_OPTIONS_RUN && optind < argc) {
        fprintf(stderr, "%s: %s: unexpected argument\n", program, argv[optind]);
        return DAEMON_OPTIONS_BAD;
    }
    return result;
}
