/*
 * reply.c - see reply.h.
 */
#include "ctl/reply.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(
    const struct reply *reply, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(reply->root, name));

    return text != NULL ? text : otherwise;
}

void reply_parse(char *line, struct reply *reply)
{
    *reply = (struct reply){.line = line};
    reply->root = json_loads(line, 0, NULL);
    reply->daemon = text_of(reply, "daemon", "?");
    reply->store = text_of(reply, "store", "");
    reply->error = text_of(reply, "error", "the answer is not understood");
    reply->code = text_of(reply, "code", "failed");
    reply->result = json_object_get(reply->root, "result");
    reply->is_ok = json_is_true(json_object_get(reply->root, "ok")) &&
                   reply->result != NULL;
}

void reply_clear(struct reply *reply)
{
    free(reply->line);
    json_decref(reply->root);
    *reply = (struct reply){0};
}

bool reply_has_code(const struct reply *reply, const char *code)
{
    return !reply->is_ok && strcmp(reply->code, code) == 0;
}

bool reply_is_same_store(const struct reply *a, const struct reply *b)
{
    return strcmp(a->store, b->store) == 0 && strcmp(a->store, "memory:") != 0;
}
