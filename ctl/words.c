/*
 * words.c - see words.h.
 */
#include "ctl/words.h"

#include "common/base/log.h"
#include "common/base/nearest.h"

#include <stdio.h>
#include <string.h>

#define SHOWN 60 /* of a wrong word */

static bool is_dashed(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* NULL: it is none. */
static struct words_option *option_of(
    const struct words *words, const char *word)
{
    size_t len = strcspn(word, "=");
    struct words_option *option = words->options;

    while (option->name != NULL && (strlen(option->name) != len ||
                                       memcmp(option->name, word, len) != 0))
        option++;
    return option->name != NULL ? option : NULL;
}

/* NULL: none is near. */
static const char *meant_by(const struct words *words, const char *word)
{
    struct nearest nearest;
    char name[SHOWN + 1];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    nearest_begin(&nearest, name);
    for (size_t i = 0; words->options[i].name != NULL; i++)
        nearest_try(&nearest, words->options[i].name);
    return nearest_word(&nearest);
}

static bool refuse(
    const struct words *words, const char *word, struct error *err)
{
    const char *meant = meant_by(words, word);
    char shown[4 * SHOWN + 1];

    log_escape(shown, sizeof shown, word, strnlen(word, SHOWN));
    return meant != NULL
               ? error_set(
                     err, "%s: no such option; did you mean %s?", shown, meant)
               : error_set(err,
                     "%s: no such option; if it is none, write -- before it",
                     shown);
}

/* The option at argv[0]. */
static bool read_option(struct words *words, struct error *err)
{
    const char *word = *words->argv++;
    struct words_option *option = option_of(words, word);
    const char *value = strchr(word, '=');

    words->argc--;
    if (option == NULL)
        return refuse(words, word, err);
    if (option->value != NULL)
        return error_set(err, "%s is given twice", option->name);
    if (option->wants == NULL) {
        option->value = "";
        return value == NULL || error_set(err, "%s has no value", option->name);
    }
    if (value != NULL) {
        value++;
    } else if (words->argc > 0 && !is_dashed(words->argv[0])) {
        value = *words->argv++;
        words->argc--;
    }
    option->value = value;
    return (value != NULL && value[0] != '\0') ||
           error_set(err, "%s needs %s", option->name, option->wants);
}

bool words_next(struct words *words, const char **word_r, struct error *err)
{
    *word_r = NULL;
    while (words->argc > 0 && !words->is_ended && is_dashed(words->argv[0])) {
        words->is_ended = strcmp(words->argv[0], "--") == 0;
        if (words->is_ended) {
            words->argc--;
            words->argv++;
        } else if (!read_option(words, err)) {
            return false;
        }
    }
    if (words->argc > 0) {
        *word_r = *words->argv++;
        words->argc--;
    }
    return true;
}

bool words_take_options(
    struct words_option *options, int *argc, char **argv, struct error *err)
{
    struct words words = {.argc = *argc, .argv = argv, .options = options};
    char **end = argv;

    for (;;) {
        const char *word;
        if (!words_next(&words, &word, err))
            return false;
        if (word == NULL)
            break;
        *end++ = words.argv[-1];
    }
    *argc = (int)(end - argv);
    return true;
}

bool words_are_text(const struct words *words, struct error *err)
{
    for (int i = 0; i < words->argc && !words->is_ended; i++) {
        const char *word = words->argv[i];
        if (is_dashed(word) && meant_by(words, word) != NULL)
            return error_set(err,
                "%s stands before the text; if it belongs to that, write -- "
                "before it all",
                meant_by(words, word));
    }
    return true;
}
