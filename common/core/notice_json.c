/*
 * notice_json.c - a notice for a webhook.
 *
 * "text" is what Slack and its like show. What strangers have chosen is code
 * in it, so that it mentions nobody and links to nothing; the other members
 * have it as it is.
 */
#include "common/core/notice.h"

#include "common/base/duration.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *as_code(const char *text, char out[NOTICE_KEY_SIZE + 2])
{
    char *at = out;

    *at++ = '`';
    for (; *text != '\0' && at < out + NOTICE_KEY_SIZE; text++)
        *at++ = strchr("`<>&", *text) != NULL ? '_' : *text;
    *at++ = '`';
    *at = '\0';
    return out;
}

static json_t *text_of(const struct notice *notice)
{
    char limit[NOTICE_KEY_SIZE + 2], key[NOTICE_KEY_SIZE + 2];
    char client[NOTICE_KEY_SIZE + 2];

    return json_sprintf("tollgate: limit %s %s %s: %" PRIu32 " of %" PRIu32
                        ", last client %s, %" PRIu32 " times",
        as_code(notice->limit, limit), notice_kind_name(notice->kind),
        as_code(notice->key, key), notice->used, notice->allowed,
        as_code(notice->client, client), notice->count);
}

static json_t *until_of(const struct notice *notice)
{
    if (notice->until_s < 0)
        return json_string("never");
    return notice->until_s > 0 ? json_integer(notice->until_s) : json_null();
}

char *notice_json(const struct notice *notice)
{
    char window[DURATION_TEXT_SIZE] = "";

    if (notice->window_ms > 0)
        duration_format(notice->window_ms, window);
    json_t *all =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:o, s:I, s:o}",
            "notice", notice_kind_name(notice->kind), "limit", notice->limit,
            "key", notice->key, "client", notice->client, "sasl_username",
            notice->login, "used", (json_int_t)notice->used, "allowed",
            (json_int_t)notice->allowed, "window", window, "until",
            until_of(notice), "count", (json_int_t)notice->count, "text",
            text_of(notice));
    char *text = json_dumps(all, JSON_COMPACT);

    json_decref(all);
    if (text == NULL)
        abort();
    return text;
}
