/*
 * setup.c - the command setup: reads options, asks for the rest, shows the
 * file and writes it.
 *
 * Nothing is written that config_load refuses, nothing over a file that is
 * there, and nothing without a yes: of the person, or of --yes.
 */
#include "ctl/setup.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/base/nearest.h"
#include "common/certs/atomic_file.h"
#include "common/config/config.h"
#include "common/config/option_checks.h"
#include "ctl/command.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GROUP "tollgate" /* reads a file that holds a password */
#define SHOWN 60         /* of a wrong word */

struct session {
    struct setup setup;
    bool is_given[SETUP_ANSWERS]; /* by an option */
    bool is_yes;
    bool is_terminal; /* a person can be asked */
};

static bool refuse_option(const char *word, struct error *err)
{
    struct nearest nearest;
    char shown[4 * SHOWN + 1], name[SHOWN + 1];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    nearest_begin(&nearest, name);
    nearest_try(&nearest, "--yes");
    for (size_t i = 0; i < SETUP_ANSWERS; i++)
        nearest_try(&nearest, setup_answers[i].option);
    log_escape(shown, sizeof shown, name, strlen(name));
    return nearest_word(&nearest) == NULL
               ? error_set(err, "\"%s\" is no option of setup", shown)
               : error_set(err,
                     "\"%s\" is no option of setup; did you mean %s?", shown,
                     nearest_word(&nearest));
}

/* SETUP_ANSWERS: it is none. */
static size_t answer_of(const char *word)
{
    size_t len = strcspn(word, "="), i = 0;

    while (i < SETUP_ANSWERS && (strlen(setup_answers[i].option) != len ||
                                    memcmp(setup_answers[i].option, word, len)))
        i++;
    return i;
}

/* "--name=value", or "--name" and value: *at is moved to the last word. */
static bool read_option(struct session *session, char ***at, struct error *err)
{
    const char *value = strchr(**at, '=');
    size_t i = answer_of(**at);

    if (i == SETUP_ANSWERS)
        return refuse_option(**at, err);
    if (value == NULL && (*at)[1] != NULL)
        value = *++*at;
    else if (value != NULL)
        value++;
    const struct setup_answer *row = &setup_answers[i];
    if (value == NULL || *value == '\0')
        return error_set(err, "%s needs a value", row->option);
    session->is_given[i] = true;
    return row->set(&session->setup, value, err) ||
           error_prefix(err, "%s: ", row->option);
}

static bool read_options(
    struct session *session, char **argv, struct error *err)
{
    for (; *argv != NULL; argv++) {
        if (strcmp(*argv, "--yes") == 0)
            session->is_yes = true;
        else if (!read_option(session, &argv, err))
            return false;
    }
    session->is_terminal = !session->is_yes && isatty(STDIN_FILENO) == 1 &&
                           isatty(STDERR_FILENO) == 1;
    if (session->setup.host != NULL || session->is_terminal)
        return true;
    return error_set(err, "--for names the mail server: docker-mailserver, "
                          "mailu, or debian");
}

static bool check_given(const struct session *session, struct error *err)
{
    for (size_t i = 0; i < SETUP_ANSWERS; i++)
        if (session->is_given[i] && setup_answers[i].check != NULL &&
            !setup_answers[i].check(&session->setup, err))
            return false;
    return true;
}

/* What no option says: by questions, or as usual. */
static bool complete(struct session *session, struct error *err)
{
    struct setup *setup = &session->setup;

    if (!check_given(session, err))
        return false;
    if (session->is_terminal)
        return setup_ask(setup, session->is_given, err);
    for (size_t i = 0; i < SETUP_ANSWERS; i++) {
        const struct setup_answer *row = &setup_answers[i];
        if (!session->is_given[i] &&
            !(row->set(setup, row->usual(setup), err) &&
                (row->check == NULL || row->check(setup, err))))
            return false;
    }
    return true;
}

/* The place in errors is that of the file to come. */
static const char *without_path(const char *text, const char *path)
{
    size_t len = strlen(path);

    return strncmp(text, path, len) == 0 ? text + len : text;
}

/* As a daemon reads it with -t: it loads, or says why not. */
static bool judge_text(const char *text, const char *name, struct error *err)
{
    char path[64];
    struct error problem;
    const struct config_source source = {.path = path};
    int fd = memfd_create("tollgate.conf", MFD_CLOEXEC);

    if (fd == -1 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        return error_set(err, "no memory to look at %s in", name);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct config *config = config_load(&source, &problem);
    close(fd);
    if (config == NULL)
        return error_set(err, "%s%s", name, without_path(problem.text, path));
    for (size_t i = 0; i < config->warning_count; i++)
        fprintf(stderr, "warning: %s%s\n", name,
            without_path(config->warnings[i], path));
    config_unref(&config);
    return true;
}

/* Who may read it: all, or, of a password, root and the daemon. */
static bool write_file(
    const struct setup *setup, const char *text, struct error *err)
{
    size_t ignored;
    bool is_secret = option_find_password(setup->store, &ignored) != NULL;
    const struct group *group =
        is_secret && geteuid() == 0 ? getgrnam(GROUP) : NULL;
    mode_t mode = !is_secret ? 0644 : group != NULL ? 0640 : 0600;

    if (!atomic_file_create(setup->output, text, strlen(text), mode,
            group != NULL ? group->gr_gid : (gid_t)-1, err))
        return false;
    fprintf(stderr, "%s is written%s.\n%s", setup->output,
        !is_secret      ? ""
        : group != NULL ? "; it holds a password: root and the group " GROUP
                          " may read it"
                        : "; it holds a password: only its owner may read it",
        setup->host->next);
    return true;
}

static bool show_and_write(
    const struct session *session, const char *text, struct error *err)
{
    const struct setup *setup = &session->setup;

    if (strcmp(setup->output, "-") == 0) {
        fputs(text, stdout);
        return true;
    }
    char *shown = setup_text(setup, true);
    fputs(shown, stdout);
    fflush(stdout);
    free(shown);
    if (!session->is_yes && !session->is_terminal)
        return error_set(
            err, "nothing is written: --yes writes it to %s", setup->output);
    if (session->is_terminal && !setup_confirm(setup))
        return error_set(err, "nothing is written");
    return write_file(setup, text, err);
}

static bool make(struct session *session, struct error *err)
{
    struct error none = {.text = ""};

    if (!complete(session, err))
        return false;
    char *text = setup_text(&session->setup, false);
    bool is_good =
        judge_text(text,
            strcmp(session->setup.output, "-") == 0 ? "tollgate.conf"
                                                    : session->setup.output,
            err) &&
        show_and_write(session, text, err);
    explicit_bzero(text, strlen(text));
    free(text);
    if (is_good)
        *err = none; /* of answers that were asked for again */
    return is_good;
}

static enum ctl_exit setup_run(
    const struct ctl_options *options, int argc, char **argv, struct error *err)
{
    struct session session = {.is_yes = false};
    enum ctl_exit exit = CTL_USAGE;

    if (read_options(&session, argv, err))
        exit = make(&session, err) ? CTL_DONE : CTL_REFUSED;
    setup_clear(&session.setup);
    return exit;
}

const struct ctl_command ctl_commands_setup[] = {
    {.name = "setup",
        .usage = "[--for HOST] [--proxy PROXY]... [--redis URL] "
                 "[--limits SET] [--output FILE] [--yes]",
        .help = "writes a tollgate.conf, by questions or options",
        .run = setup_run},
    {0},
};
