/*
 * postfix_commands.c - doctor and guard: commands without a daemon.
 *
 * They read tollgate.conf as a daemon would at its next start, with the same
 * environment, and nothing of a daemon that runs.
 */
#include "ctl/doctor.h"
#include "ctl/guard.h"
#include "ctl/print.h"

#include "common/base/memory.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_LABEL "app.kubernetes.io/name=postfix"

static struct config *load_config(
    const struct ctl_options *options, struct error *err)
{
    const struct config_source source = {.path = options->config};
    struct config *config = config_load(&source, err);

    /* Loading leaves there what it has tried in vain. */
    if (config != NULL)
        err->text[0] = '\0';
    return config;
}

/* As a daemon would answer. */
static void print_json(json_t *result)
{
    json_t *answer = json_pack("{s:b, s:o}", "ok", 1, "result", result);

    json_dumpf(answer, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(answer);
}

static enum ctl_exit judge(const struct doctor_report *report)
{
    if (report->count == 0)
        return CTL_DONE;
    return doctor_has_lines(report) ? CTL_REFUSED : CTL_WORDS;
}

/* in: what postconf printed elsewhere; NULL: it is asked here. */
static enum ctl_exit examine(const struct ctl_options *options,
    const char *directory, FILE *in, struct error *err)
{
    struct doctor_report report;
    struct config *config = load_config(options, err);

    if (config == NULL)
        return CTL_REFUSED;
    struct postfix_config *postfix = in != NULL
                                         ? postfix_config_read(in, err)
                                         : postfix_config_load(directory, err);
    if (postfix == NULL) {
        config_unref(&config);
        return CTL_REFUSED;
    }
    doctor_examine(config, postfix, &report);
    err->text[0] = '\0';
    if (options->json)
        print_json(doctor_json(&report));
    else
        doctor_print(&report, PRINT_COLUMNS, stdout);
    enum ctl_exit exit = judge(&report);
    doctor_report_clear(&report);
    postfix_config_free(&postfix);
    config_unref(&config);
    return exit;
}

static enum ctl_exit run_doctor(
    const struct ctl_options *options, int argc, char **argv, struct error *err)
{
    static const char option[] = "--postfix-config";
    size_t len = strlen(option);

    if (argc == 0)
        return examine(options, NULL, NULL, err);
    if (argc == 1 && strcmp(argv[0], "-") == 0)
        return examine(options, NULL, stdin, err);
    if (argc == 1 && strncmp(argv[0], option, len) == 0 &&
        argv[0][len] == '=' && argv[0][len + 1] != '\0')
        return examine(options, argv[0] + len + 1, NULL, err);
    if (argc == 2 && strcmp(argv[0], option) == 0)
        return examine(options, argv[1], NULL, err);
    error_set(err, "--postfix-config and its folder, -, or nothing");
    return CTL_USAGE;
}

/* count 0: for nft. */
static enum ctl_exit print_guard(const struct ctl_options *options,
    const char *const *labels, size_t count, struct error *err)
{
    struct config *config = load_config(options, err);
    struct guard guard;
    char *text = NULL;
    size_t size = 0;

    if (config == NULL)
        return CTL_REFUSED;
    if (!guard_collect(config, &guard, err)) {
        config_unref(&config);
        return CTL_REFUSED;
    }
    FILE *out = options->json ? open_memstream(&text, &size) : stdout;
    if (out == NULL)
        abort();
    if (count > 0)
        guard_print_policy(&guard, labels, count, out);
    else
        guard_print_nft(&guard, out);
    if (options->json) {
        (void)fclose(out);
        print_json(json_pack("{s:s}", "text", text));
        free(text);
    }
    guard_clear(&guard);
    config_unref(&config);
    err->text[0] = '\0';
    return CTL_DONE;
}

static enum ctl_exit run_nft(
    const struct ctl_options *options, int argc, char **argv, struct error *err)
{
    if (argc == 0)
        return print_guard(options, NULL, 0, err);
    error_set(err, "\"%s\" is too much", argv[0]);
    return CTL_USAGE;
}

static enum ctl_exit run_policy(
    const struct ctl_options *options, int argc, char **argv, struct error *err)
{
    static const char *const default_label[] = {DEFAULT_LABEL};

    for (int i = 0; i < argc; i++)
        if (!guard_label_check(argv[i], err))
            return CTL_USAGE;
    if (argc == 0)
        return print_guard(options, default_label, 1, err);
    return print_guard(options, (const char *const *)argv, (size_t)argc, err);
}

const struct ctl_command ctl_commands_postfix[] = {
    {
        .name = "doctor",
        .usage = "[--postfix-config DIR | -]",
        .help = "what in main.cf and master.cf breaks the promises",
        .run = run_doctor,
    },
    {
        .name = "guard nft",
        .usage = "",
        .help = "rules that admit trusted proxies only",
        .run = run_nft,
    },
    {
        .name = "guard networkpolicy",
        .usage = "[KEY=VALUE]...",
        .help = "the same, for Kubernetes",
        .run = run_policy,
    },
    {.name = NULL},
};
