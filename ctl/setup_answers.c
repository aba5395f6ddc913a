/*
 * setup_answers.c - the questions of setup, and what is a right answer.
 *
 * Addresses, names and URLs are judged by the checks of tollgate.conf's own
 * options. No error repeats a URL: it may hold a password.
 */
#include "ctl/setup.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/base/nearest.h"
#include "common/config/option_checks.h"
#include "common/config/redis_url.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SHOWN 60 /* of a wrong answer */

/* "mailu, or debian", after what was typed and what may have been meant. */
static bool refuse_word(
    const char *text, const char *meant, const char *allowed, struct error *err)
{
    char shown[4 * SHOWN + 1];

    log_escape(shown, sizeof shown, text, strnlen(text, SHOWN));
    if (meant == NULL)
        return error_set(
            err, "\"%s\" is not known; allowed: %s", shown, allowed);
    return error_set(err, "\"%s\" is not known; did you mean %s? allowed: %s",
        shown, meant, allowed);
}

static bool set_host(struct setup *setup, const char *text, struct error *err)
{
    struct nearest nearest;

    nearest_begin(&nearest, text);
    for (const struct setup_host *host = setup_hosts; host->name != NULL;
         host++) {
        if (strcmp(host->name, text) == 0) {
            setup->host = host;
            return true;
        }
        nearest_try(&nearest, host->name);
    }
    return refuse_word(
        text, nearest_word(&nearest), "docker-mailserver, mailu, debian", err);
}

static bool set_limits(struct setup *setup, const char *text, struct error *err)
{
    struct nearest nearest;

    nearest_begin(&nearest, text);
    for (const struct setup_limits *limits = setup_limits; limits->name != NULL;
         limits++) {
        if (strcmp(limits->name, text) == 0) {
            setup->limits = limits;
            return true;
        }
        nearest_try(&nearest, limits->name);
    }
    return refuse_word(
        text, nearest_word(&nearest), "none, small, medium, large", err);
}

/* One of the list; owned by the setup if it is right. */
static bool add_proxy(struct setup *setup, char *proxy, struct error *err)
{
    bool is_good = option_check_proxy(proxy, err);

    if (!is_good)
        error_prefix(err, "allowed are an address, a network, or dns:NAME: ");
    for (size_t i = 0; is_good && i < setup->proxy_count; i++)
        if (strcmp(setup->proxies[i], proxy) == 0)
            is_good = error_set(err, "%s is named twice", proxy);
    if (is_good && setup->proxy_count == SETUP_PROXIES_MAX)
        is_good = error_set(
            err, "more than %d proxies; name a network", SETUP_PROXIES_MAX);
    if (is_good)
        setup->proxies[setup->proxy_count++] = proxy;
    else
        free(proxy);
    return is_good;
}

/* Several, with commas or blanks between them. */
static bool set_proxies(
    struct setup *setup, const char *text, struct error *err)
{
    size_t before = setup->proxy_count;

    for (;;) {
        text += strspn(text, ", \t");
        size_t len = strcspn(text, ", \t");
        if (len == 0)
            return true;
        if (!add_proxy(setup, xprintf("%.*s", (int)len, text), err))
            break;
        text += len;
    }
    while (setup->proxy_count > before)
        free(setup->proxies[--setup->proxy_count]);
    return false;
}

static bool check_user(const char *text, struct error *err)
{
    struct redis_url url;

    if (strcmp(text, "memory:") == 0)
        return true;
    if (!redis_url_parse(text, &url, err))
        return false;
    bool is_good = url.username == NULL || url.password != NULL;
    redis_url_clear(&url);
    return is_good ||
           error_set(err, "a user without a password; a password alone is "
                          "redis://:password@host");
}

static void replace(char **text, const char *by)
{
    free(*text);
    *text = xstrdup(by);
}

static bool set_store(struct setup *setup, const char *text, struct error *err)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at <= ' ' || *at >= 0x7f)
            return error_set(err, "the URL has a blank, or a byte that is not "
                                  "ASCII; in a password such bytes are written "
                                  "%%XX");
    if (!check_user(text, err))
        return false;
    replace(&setup->store, text);
    return true;
}

static bool set_output(struct setup *setup, const char *text, struct error *err)
{
    size_t len = strlen(text);

    if (len == 0 || text[len - 1] == '/')
        return error_set(err, "name a file, or - for standard output");
    replace(&setup->output, text);
    return true;
}

static bool output_is_free(const struct setup *setup, struct error *err)
{
    struct stat status;

    if (strcmp(setup->output, "-") == 0 || lstat(setup->output, &status) == -1)
        return true;
    return error_set(err,
        "%s is there already and stays as it is; move it away (mv %s "
        "%s.before-setup), or name another file by --output",
        setup->output, setup->output, setup->output);
}

static const char *usual_proxies(const struct setup *setup)
{
    return "";
}

static const char *usual_store(const struct setup *setup)
{
    return "memory:";
}

static const char *usual_limits(const struct setup *setup)
{
    return "small";
}

static const char *usual_output(const struct setup *setup)
{
    return setup->host->output;
}

const struct setup_answer setup_answers[SETUP_ANSWERS + 1] = {
    {"--for",
        "Which mail server is it for: docker-mailserver, mailu, or debian?",
        NULL, set_host, NULL},
    {"--proxy",
        "Proxies that pass mail on with the PROXY header, by address or "
        "dns:NAME, with blanks between them; empty: none",
        usual_proxies, set_proxies, NULL},
    {"--redis",
        "URL of the Redis that several mail servers share, as in "
        "redis://:password@redis.example.com; empty: count in memory",
        usual_store, set_store, NULL},
    {"--limits", "Limits of each client: none, small, medium, or large?",
        usual_limits, set_limits, NULL},
    {"--output", "The file to write", usual_output, set_output, output_is_free},
    {0},
};

void setup_clear(struct setup *setup)
{
    for (size_t i = 0; i < setup->proxy_count; i++)
        free(setup->proxies[i]);
    if (setup->store != NULL)
        explicit_bzero(setup->store, strlen(setup->store));
    free(setup->store);
    free(setup->output);
    *setup = (struct setup){0};
}
