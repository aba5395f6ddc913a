/*
 * postfix_expand.c - what the -o of a service make of Postfix's parameters.
 *
 * Only what a -o sets, and what refers to that, however indirectly, is expanded
 * here; all else is Postfix's own word. A reference that leads back to itself
 * ends at DEPTH_MAX.
 */
#include "ctl/postfix_expand.h"

#include "common/base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 20

struct scope {
    const struct postfix_parameters *expanded;
    struct postfix_parameters changed; /* as written; their $names are not
                                          expanded yet */
    bool is_whole;                     /* nothing compares */
};

static char *expand(struct scope *scope, const char *text, unsigned depth);

static size_t name_length(const char *text)
{
    size_t len = 0;

    while (isalnum((unsigned char)text[len]) || text[len] == '_')
        len++;
    return len;
}

/* Takes both over. */
static char *join(char *text, char *more)
{
    char *longer = xprintf("%s%s", text, more);

    free(text);
    free(more);
    return longer;
}

static char *value_of(struct scope *scope, const char *name, unsigned depth)
{
    const char *written = postfix_parameters_find(&scope->changed, name);
    const char *known = postfix_parameters_find(scope->expanded, name);

    if (written != NULL && depth < DEPTH_MAX)
        return expand(scope, written, depth + 1);
    return xstrdup(known == NULL ? "" : known);
}

/* How much of text is inside of the bracket that it begins with, both
 * brackets with it; all, if it is never closed. */
static size_t bracket_length(const char *text)
{
    char open = *text, close = open == '{' ? '}' : ')';
    size_t depth = 0, len = 0;

    for (; text[len] != '\0'; len++) {
        depth += text[len] == open;
        depth -= text[len] == close;
        if (depth == 0)
            return len + 1;
    }
    return len;
}

/* "{text}" or "text", and "{text}:{text}". */
static char *choose(
    struct scope *scope, const char *texts, bool is_first, unsigned depth)
{
    char *inner, *value;
    size_t len;

    texts += strspn(texts, " ");
    if (*texts != '{')
        return is_first ? expand(scope, texts, depth) : xstrdup("");
    len = bracket_length(texts);
    if (!is_first) {
        texts += len + strspn(texts + len, " ");
        if (*texts != ':')
            return xstrdup("");
        return choose(scope, texts + 1, true, depth);
    }
    inner = xprintf("%.*s", (int)(len > 1 ? len - 2 : 0), texts + 1);
    value = expand(scope, inner, depth);
    free(inner);
    return value;
}

/* What stands between the brackets of ${...}. */
static char *expand_inner(
    struct scope *scope, const char *inner, unsigned depth)
{
    size_t len = name_length(inner);
    char *name = xprintf("%.*s", (int)len, inner);
    char *value = value_of(scope, name, depth), *chosen = NULL;
    const char *rest = inner + len + strspn(inner + len, " ");

    scope->is_whole = scope->is_whole && len > 0;
    if (*rest == '?')
        chosen = choose(scope, rest + 1, *value != '\0', depth + 1);
    else if (*rest == ':')
        chosen = choose(scope, rest + 1, *value == '\0', depth + 1);
    free(name);
    if (chosen == NULL)
        return value;
    free(value);
    return chosen;
}

/* The reference behind a '$'; *used_r: of text. */
static char *expand_reference(
    struct scope *scope, const char *text, unsigned depth, size_t *used_r)
{
    bool has_bracket = *text == '{' || *text == '(';
    size_t len = has_bracket ? bracket_length(text) : name_length(text);

    *used_r = len;
    if (len == 0)
        return xstrdup("$");
    char *inner = has_bracket
                      ? xprintf("%.*s", (int)(len > 1 ? len - 2 : 0), text + 1)
                      : xprintf("%.*s", (int)len, text);
    char *value = expand_inner(scope, inner, depth);
    free(inner);
    return value;
}

static char *expand(struct scope *scope, const char *text, unsigned depth)
{
    char *out = xstrdup("");

    while (*text != '\0' && depth <= DEPTH_MAX) {
        size_t len = strcspn(text, "$"), used = 0;
        out = join(out, xprintf("%.*s", (int)len, text));
        text += len;
        if (*text == '\0')
            break;
        if (text[1] == '$') {
            out = join(out, xstrdup("$"));
            text += 2;
            continue;
        }
        out = join(out, expand_reference(scope, text + 1, depth, &used));
        text += 1 + used;
    }
    return out;
}

static bool refers_to_changed(const struct scope *scope, const char *text)
{
    while ((text = strchr(text, '$')) != NULL) {
        text++;
        if (*text == '{' || *text == '(')
            text++;
        char *name = xprintf("%.*s", (int)name_length(text), text);
        bool is_changed =
            postfix_parameters_find(&scope->changed, name) != NULL;
        free(name);
        if (is_changed)
            return true;
    }
    return false;
}

/* Until nothing more refers to what is changed. */
static void spread(struct scope *scope, const struct postfix_parameters *raw)
{
    size_t before;

    do {
        before = scope->changed.count;
        for (size_t i = 0; i < raw->count; i++) {
            const struct postfix_parameter *one = &raw->items[i];
            if (postfix_parameters_find(&scope->changed, one->name) == NULL &&
                refers_to_changed(scope, one->value))
                postfix_parameters_set(&scope->changed, one->name, one->value);
        }
    } while (scope->changed.count > before);
}

bool postfix_expand(const struct postfix_parameters *raw,
    const struct postfix_parameters *expanded,
    const struct postfix_parameters *overrides,
    struct postfix_parameters *parameters_r)
{
    struct scope scope = {.expanded = expanded};
    bool is_whole = true;

    *parameters_r = (struct postfix_parameters){0};
    for (size_t i = 0; i < expanded->count; i++)
        postfix_parameters_add(
            parameters_r, expanded->items[i].name, expanded->items[i].value);
    for (size_t i = 0; overrides != NULL && i < overrides->count; i++)
        postfix_parameters_set(&scope.changed, overrides->items[i].name,
            overrides->items[i].value);
    spread(&scope, raw);
    for (size_t i = 0; i < scope.changed.count; i++) {
        const char *name = scope.changed.items[i].name;
        scope.is_whole = true;
        char *value = expand(&scope, scope.changed.items[i].value, 0);
        if (scope.is_whole)
            postfix_parameters_set(parameters_r, name, value);
        is_whole = is_whole && scope.is_whole;
        free(value);
    }
    postfix_parameters_clear(&scope.changed);
    return is_whole;
}
