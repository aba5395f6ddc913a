/*
 * build_notify.c - what a limit section says of whom to tell.
 */
#include "common/config/build.h"

#include "common/base/decimal.h"
#include "common/base/http_url.h"
#include "common/core/notice.h"

#include <string.h>

/* Other than by its default, which config show writes, too. */
static bool is_given(const struct setting *setting)
{
    return setting->where != NULL &&
           strcmp(setting_text(setting), setting->option->def) != 0;
}

/* Of a key without a login it would be empty, now and then. */
static bool has_login(const struct limit_section *raw)
{
    return raw->authenticated == LIMIT_AUTH_YES ||
           (raw->key.parts &
               (1u << KEY_SASL_USERNAME | 1u << KEY_SASL_DOMAIN)) != 0;
}

/* Of "%{name}", and not of what follows: that may be secret. */
static int name_length(const char *unknown)
{
    size_t len = strcspn(unknown, "}/?:");

    return len < 20 ? (int)len + (unknown[len] == '}') : 20;
}

static bool check_argument(const struct setting *notify, const char *argument,
    const struct limit_section *raw, struct error *err)
{
    const char *unknown = notice_unknown(argument);

    if (unknown != NULL)
        return setting_refuse(notify, err,
            "unknown \"%.*s\"; allowed: %%{client} %%{key} %%{limit} "
            "%%{sasl_username}",
            name_length(unknown), unknown);
    if (notice_names_login(argument) && !has_login(raw))
        return setting_refuse(notify, err,
            "%%{sasl_username} without a login; add sasl_username to key, or "
            "set authenticated = \"yes\"");
    return true;
}

uint8_t build_notify_at(const struct limit_section *raw)
{
    const char *text = raw->notify_at;
    uint64_t percent;

    if (!decimal_read(&text, 99, &percent) || strcmp(text, "%") != 0)
        return 0;
    return (uint8_t)percent;
}

static bool check_at(const struct section *section,
    const struct limit_section *raw, struct error *err)
{
    const struct setting *at = section_setting(section, "notify_at");

    if (raw->notify_at[0] == '\0')
        return true;
    if (build_notify_at(raw) == 0)
        return setting_refuse(at, err,
            "\"%s\" is no share; allowed: \"1%%\" to \"99%%\"", raw->notify_at);
    if (raw->notify[0] == NULL)
        return setting_refuse(at, err, "of nothing; set notify too");
    return raw->max_per_message == 0 ||
           setting_refuse(at, err,
               "of one message nobody can be warned; use rate or count");
}

/* What is wrong with it is told without it: it may hold a secret. */
static bool check_url(const struct setting *notify,
    const struct limit_section *raw, struct error *err)
{
    struct http_url url;
    struct error why;

    if (raw->notify[1] != NULL)
        return setting_refuse(notify, err, "a URL stands alone");
    if (strstr(raw->notify[0], "%{") != NULL)
        return setting_refuse(notify, err, "nothing expands in a URL");
    return http_url_parse(raw->notify[0], &url, &why) ||
           setting_refuse(notify, err, "%s", why.text);
}

/* It may be a URL that was miswritten: then it is not repeated. */
static bool refuse_command(const struct setting *notify, struct error *err)
{
    const char *word = setting_text(notify);

    if (strpbrk(word, ":/?#@") != NULL)
        return setting_refuse(notify, err,
            "its first word is neither an absolute path nor a URL of http or "
            "https");
    return setting_refuse(notify, err,
        "\"%s\" is no absolute path; no shell looks for the command", word);
}

bool build_check_notify(const struct section *section,
    const struct limit_section *raw, struct error *err)
{
    const struct setting *notify = section_setting(section, "notify");
    const struct setting *every = section_setting(section, "notify_every");
    size_t count = 0;

    if (!check_at(section, raw, err))
        return false;
    if (raw->notify[0] == NULL)
        return !is_given(every) ||
               setting_refuse(every, err, "of nothing; set notify too");
    if (http_url_is(raw->notify[0]))
        return check_url(notify, raw, err);
    if (strstr(raw->notify[0], "://") != NULL)
        return setting_refuse(notify, err,
            "no URL that can be told; allowed: http://..., https://...");
    if (raw->notify[0][0] != '/')
        return refuse_command(notify, err);
    if (strstr(raw->notify[0], "%{") != NULL)
        return setting_refuse(
            notify, err, "the command itself has to be named in full");
    for (; raw->notify[count] != NULL; count++)
        if (!check_argument(notify, raw->notify[count], raw, err))
            return false;
    if (count > NOTICE_ARGUMENTS_MAX)
        return setting_refuse(notify, err, "%zu words; allowed: at most %d",
            count, NOTICE_ARGUMENTS_MAX);
    return true;
}
