/*
 * postfix_parameters.c - parameters of Postfix by name, and their lists.
 *
 * Postfix splits lists in the same way everywhere: commas and white space are
 * the same, and braces keep together what is in them. An unclosed brace makes
 * the rest of the text one word; its entry is then malformed.
 */
#include "ctl/postfix_parameters.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS ", \t\r\n"
#define BLANKS     " \t\r\n"

static char *copy(const char *text, size_t len)
{
    char *out = xcalloc(len + 1, 1);
    memcpy(out, text, len);
    return out;
}

/* Without the blanks at both ends. */
static char *copy_trimmed(const char *text, size_t len)
{
    while (len > 0 && strchr(BLANKS, text[len - 1]) != NULL)
        len--;
    while (len > 0 && strchr(BLANKS, *text) != NULL) {
        text++;
        len--;
    }
    return copy(text, len);
}

static void add(struct postfix_parameters *parameters, char *name, char *value)
{
    parameters->items = xrealloc(
        parameters->items, (parameters->count + 1) * sizeof *parameters->items);
    parameters->items[parameters->count++] =
        (struct postfix_parameter){name, value};
}

void postfix_parameters_parse(
    const char *text, struct postfix_parameters *parameters_r)
{
    *parameters_r = (struct postfix_parameters){0};
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        const char *equals = memchr(text, '=', len);
        if (equals != NULL) {
            size_t before = (size_t)(equals - text);
            add(parameters_r, copy_trimmed(text, before),
                copy_trimmed(equals + 1, len - before - 1));
        }
        text += len + (text[len] == '\n');
    }
}

static struct postfix_parameter *find(
    const struct postfix_parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->count; i++)
        if (strcmp(parameters->items[i].name, name) == 0)
            return &parameters->items[i];
    return NULL;
}

void postfix_parameters_add(
    struct postfix_parameters *parameters, const char *name, const char *value)
{
    add(parameters, xstrdup(name), xstrdup(value));
}

void postfix_parameters_set(
    struct postfix_parameters *parameters, const char *name, const char *value)
{
    struct postfix_parameter *old = find(parameters, name);

    if (old == NULL) {
        add(parameters, xstrdup(name), xstrdup(value));
        return;
    }
    free(old->value);
    old->value = xstrdup(value);
}

const char *postfix_parameters_find(
    const struct postfix_parameters *parameters, const char *name)
{
    const struct postfix_parameter *found = find(parameters, name);

    return found == NULL ? NULL : found->value;
}

void postfix_parameters_clear(struct postfix_parameters *parameters)
{
    for (size_t i = 0; i < parameters->count; i++) {
        free(parameters->items[i].name);
        free(parameters->items[i].value);
    }
    free(parameters->items);
    *parameters = (struct postfix_parameters){0};
}

static size_t word_length(const char *text)
{
    size_t depth = 0, len = 0;

    for (; text[len] != '\0'; len++) {
        if (depth == 0 && strchr(SEPARATORS, text[len]) != NULL)
            return len;
        if (text[len] == '{')
            depth++;
        else if (text[len] == '}' && depth > 0)
            depth--;
    }
    return len;
}

void postfix_list_parse(const char *text, struct postfix_list *list_r)
{
    *list_r = (struct postfix_list){.words = xcalloc(1, sizeof(char *))};
    for (;;) {
        text += strspn(text, SEPARATORS);
        if (*text == '\0')
            return;
        size_t len = word_length(text);
        postfix_list_insert(list_r, list_r->count, copy(text, len));
        text += len;
    }
}

void postfix_list_insert(struct postfix_list *list, size_t index, char *word)
{
    list->words =
        xrealloc(list->words, (list->count + 2) * sizeof *list->words);
    memmove(&list->words[index + 1], &list->words[index],
        (list->count - index) * sizeof *list->words);
    list->words[index] = word;
    list->words[++list->count] = NULL;
}

void postfix_list_remove(struct postfix_list *list, size_t index)
{
    free(list->words[index]);
    memmove(&list->words[index], &list->words[index + 1],
        (list->count - index) * sizeof *list->words);
    list->count--;
}

bool postfix_list_has(const struct postfix_list *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->words[i], word) == 0)
            return true;
    return false;
}

char *postfix_list_join(const struct postfix_list *list, const char *separator)
{
    char *text = xstrdup("");

    for (size_t i = 0; i < list->count; i++) {
        char *longer =
            xprintf("%s%s%s", text, i == 0 ? "" : separator, list->words[i]);
        free(text);
        text = longer;
    }
    return text;
}

void postfix_list_clear(struct postfix_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->words[i]);
    free(list->words);
    *list = (struct postfix_list){0};
}

/* What is in the braces; NULL: they are not a pair around all of it. */
static char *unbrace(const char *word)
{
    size_t len = strlen(word);

    if (len < 2 || word[0] != '{' || word[len - 1] != '}')
        return NULL;
    return copy_trimmed(word + 1, len - 2);
}

static void entry_add(struct postfix_entry *entry, const char *word)
{
    char *inner = *word == '{' ? unbrace(word) : xstrdup(word);
    const char *equals = inner == NULL ? NULL : strchr(inner, '=');

    if (equals == NULL) {
        entry->is_malformed = true;
    } else {
        char *name = copy_trimmed(inner, (size_t)(equals - inner));
        char *value = copy_trimmed(equals + 1, strlen(equals + 1));
        postfix_parameters_set(&entry->attributes, name, value);
        free(name);
        free(value);
    }
    free(inner);
}

void postfix_entry_parse(const char *word, struct postfix_entry *entry_r)
{
    struct postfix_list list = {0};
    char *inner = *word == '{' ? unbrace(word) : NULL;

    *entry_r = (struct postfix_entry){0};
    if (*word != '{') {
        entry_r->endpoint = xstrdup(word);
        return;
    }
    if (inner != NULL)
        postfix_list_parse(inner, &list);
    entry_r->is_malformed = list.count == 0;
    entry_r->endpoint = xstrdup(list.count == 0 ? "" : list.words[0]);
    for (size_t i = 1; i < list.count; i++)
        entry_add(entry_r, list.words[i]);
    postfix_list_clear(&list);
    free(inner);
}

void postfix_entry_clear(struct postfix_entry *entry)
{
    free(entry->endpoint);
    postfix_parameters_clear(&entry->attributes);
    *entry = (struct postfix_entry){0};
}

bool postfix_time_parse(const char *text, uint64_t *ms_r)
{
    static const struct {
        char letter;
        uint64_t ms;
    } units[] = {{'\0', 1000}, {'s', 1000}, {'m', 60000}, {'h', 3600000},
        {'d', 86400000}, {'w', 604800000}};
    uint64_t number = 0;
    const char *end = text;

    for (; *end >= '0' && *end <= '9' && number < 100000000; end++)
        number = number * 10 + (uint64_t)(*end - '0');
    if (end == text || (*end != '\0' && end[1] != '\0'))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].letter == *end) {
            *ms_r = number * units[i].ms;
            return true;
        }
    return false;
}

bool postfix_is_yes(const char *value)
{
    return value != NULL && strcasecmp(value, "yes") == 0;
}
