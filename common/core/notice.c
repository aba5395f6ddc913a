/*
 * notice.c - the arguments and the environment of notify's command.
 *
 * What stands in an argument is narrower than what a program might bear: no
 * blank or comma (sendmail takes an argument for a list of addresses), no "!"
 * or "%" (another way to name a host), no "@" or "/" in front (a file, for
 * many programs), no "-" in front.
 */
#include "common/core/notice.h"

#include "common/base/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[NOTICE_KINDS] = {
    [NOTICE_REFUSED] = "refused",
    [NOTICE_WOULD_REFUSE] = "would-refuse",
    [NOTICE_WARNED] = "warned",
    [NOTICE_HELD] = "held",
};

static const char login_name[] = "%{sasl_username}";

static const struct expansion {
    const char *name;
    size_t offset; /* of the text in struct notice */
} expansions[] = {
    {"%{client}", offsetof(struct notice, client)},
    {"%{key}", offsetof(struct notice, key)},
    {"%{limit}", offsetof(struct notice, limit)},
    {login_name, offsetof(struct notice, login)},
};

const char *notice_kind_name(enum notice_kind kind)
{
    return (unsigned)kind < NOTICE_KINDS ? kind_names[kind] : NULL;
}

/* The one that text begins with; NULL: none. */
static const struct expansion *expansion_at(const char *text)
{
    for (size_t i = 0; i < sizeof expansions / sizeof expansions[0]; i++)
        if (strncmp(text, expansions[i].name, strlen(expansions[i].name)) == 0)
            return &expansions[i];
    return NULL;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

static char tame(char c)
{
    return is_plain(c) || (c != '\0' && strchr("@._+-=:/~", c) != NULL) ? c
                                                                        : '_';
}

bool notice_expand(
    const char *argument, const struct notice *notice, char *out, size_t size)
{
    size_t len = 0;

    while (*argument != '\0' && len + 2 < size) {
        const struct expansion *expansion = expansion_at(argument);
        if (expansion == NULL) {
            out[len++] = *argument++;
            continue;
        }
        const char *value = (const char *)notice + expansion->offset;
        if (len == 0 && !is_plain(*value))
            out[len++] = '_';
        for (; *value != '\0' && len + 2 < size; value++)
            out[len++] = tame(*value);
        if (*value != '\0')
            break;
        argument += strlen(expansion->name);
    }
    out[len] = '\0';
    return *argument == '\0';
}

const char *notice_unknown(const char *argument)
{
    for (const char *open = argument; (open = strstr(open, "%{")) != NULL;
         open++)
        if (expansion_at(open) == NULL)
            return open;
    return NULL;
}

bool notice_names_login(const char *argument)
{
    return strstr(argument, login_name) != NULL;
}

struct list {
    char *text, **variables;
    size_t used, count;
};

static void add_text(struct list *list, const char *name, const char *value)
{
    char *at = list->text + list->used;
    size_t room = NOTICE_ENVIRONMENT_SIZE - list->used;
    int len = snprintf(at, room, "TOLLGATE_%s=%s", name, value);

    if (len < 0 || (size_t)len >= room)
        return;
    list->variables[list->count++] = at;
    list->used += (size_t)len + 1;
}

static void add_number(struct list *list, const char *name, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, value);
    add_text(list, name, text);
}

size_t notice_environment(const struct notice *notice,
    char text[NOTICE_ENVIRONMENT_SIZE], char *variables[NOTICE_VARIABLES])
{
    struct list list = {.text = text, .variables = variables};
    char window[DURATION_TEXT_SIZE] = "";

    if (notice->window_ms > 0)
        duration_format(notice->window_ms, window);
    add_text(&list, "NOTICE", notice_kind_name(notice->kind));
    add_text(&list, "LIMIT", notice->limit);
    add_text(&list, "KEY", notice->key);
    add_text(&list, "CLIENT", notice->client);
    add_text(&list, "SASL_USERNAME", notice->login);
    add_number(&list, "USED", notice->used);
    add_number(&list, "ALLOWED", notice->allowed);
    add_text(&list, "WINDOW", window);
    if (notice->until_s < 0)
        add_text(&list, "UNTIL", "never");
    else if (notice->until_s > 0)
        add_number(&list, "UNTIL", notice->until_s);
    else
        add_text(&list, "UNTIL", "");
    add_number(&list, "COUNT", notice->count);
    return list.count;
}
