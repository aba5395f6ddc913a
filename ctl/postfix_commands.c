/*
 * postfix_commands.c - doctor and guard: commands without a daemon.
 *
 * They read tollgate.conf as a daemon would at its next start, with the same
 * environment, and nothing of a daemon that runs.
 */
#include "ctl/doctor.h"
#include "ctl/guard.h"
#include "ctl/print.h"
#include "ctl/words.h"

#include "common/base/alloc.h"

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

/* What is typed after doctor. */
struct questions {
    const char *directory;          /* of Postfix; NULL: its own */
    const struct doctor_host *host; /* whose lines are wanted; NULL: none's */
    bool is_told;                   /* by standard input */
};

static enum ctl_exit examine(const struct ctl_options *options,
    const struct questions *questions, struct error *err)
{
    struct doctor_report report;
    struct config *config = load_config(options, err);

    if (config == NULL)
        return CTL_REFUSED;
    struct postfix_config *postfix =
        questions->is_told ? postfix_config_read(stdin, err)
                           : postfix_config_load(questions->directory, err);
    if (postfix == NULL) {
        config_unref(&config);
        return CTL_REFUSED;
    }
    doctor_examine(config, postfix, questions->host, &report);
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
    struct words_option words[] = {{.name = "--for", .wants = DOCTOR_HOSTS},
        {.name = "--postfix-config", .wants = "a folder"}, {0}};
    struct questions questions = {0};

    if (!words_take_options(words, &argc, argv, err))
        return CTL_USAGE;
    if (argc > 0 && (argc > 1 || strcmp(argv[0], "-") != 0)) {
        error_set(err,
            "\"%s\": --postfix-config and its folder, or -; "
            "--for and " DOCTOR_HOSTS,
            argv[argc - 1]);
        return CTL_USAGE;
    }
    const char *host = words[0].value;
    questions.is_told = argc > 0;
    questions.directory = words[1].value;
    if (questions.is_told && questions.directory != NULL) {
        error_set(err, "--postfix-config and - are two places");
        return CTL_USAGE;
    }
    questions.host = host != NULL ? doctor_host_find(host) : NULL;
    if (host != NULL && questions.host == NULL) {
        error_set(err, "--for %s: no such host, but " DOCTOR_HOSTS, host);
        return CTL_USAGE;
    }
    return examine(options, &questions, err);
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
        .usage = "[--for HOST] [--postfix-config DIR | -]",
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
