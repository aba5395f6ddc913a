/*
 * json_split.c - see json_split.h.
 *
 * An acme.json of a thousand certificates is megabytes of base64: to parse it
 * at once takes longer than a decision may wait.
 */
#include "common/certs/json_split.h"

#include "common/base/alloc.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_split_init(
    struct json_split *split, const char *text, size_t len, size_t max)
{
    *split = (struct json_split){.text = text, .len = len, .max = max};
    split->objects = xcalloc(max, sizeof *split->objects);
    split->frame = xcalloc(1, JSON_SPLIT_FRAME_MAX);
}

void json_split_clear(struct json_split *split)
{
    if (split->frame != NULL)
        OPENSSL_cleanse(split->frame, split->frame_len);
    free(split->frame);
    free(split->objects);
    *split = (struct json_split){0};
}

static bool add_to_frame(
    struct json_split *split, const char *bytes, size_t len)
{
    if (len > JSON_SPLIT_FRAME_MAX - split->frame_len)
        return false;
    memcpy(split->frame + split->frame_len, bytes, len);
    split->frame_len += len;
    return true;
}

static bool end_object(struct json_split *split)
{
    char mark[32];
    struct json_split_object *object = &split->objects[split->count];

    object->len = split->at + 1 - object->at;
    int len = snprintf(mark, sizeof mark, "{\"\":%zu}", split->count++);
    return add_to_frame(split, mark, (size_t)len);
}

static bool open_bracket(struct json_split *split, char c)
{
    if (split->inside > 0) {
        split->inside++;
        return true;
    }
    if (c == '{' && split->depth > 0 && split->open[split->depth - 1] == '[') {
        if (split->count == split->max)
            return false;
        split->objects[split->count].at = split->at;
        split->inside = 1;
        return true;
    }
    if (split->depth == JSON_SPLIT_DEPTH_MAX)
        return false;
    split->open[split->depth++] = c;
    return add_to_frame(split, &c, 1);
}

static bool close_bracket(struct json_split *split, char c)
{
    if (split->inside > 0)
        return --split->inside > 0 || end_object(split);
    if (split->depth == 0)
        return false;
    split->depth--;
    return add_to_frame(split, &c, 1);
}

static bool take(struct json_split *split, char c)
{
    if (!split->is_string && (c == '{' || c == '['))
        return open_bracket(split, c);
    if (!split->is_string && (c == '}' || c == ']'))
        return close_bracket(split, c);
    if (split->is_escaped)
        split->is_escaped = false;
    else if (split->is_string && c == '\\')
        split->is_escaped = true;
    else if (c == '"')
        split->is_string = !split->is_string;
    return split->inside > 0 || add_to_frame(split, &c, 1);
}

enum json_split_result json_split_step(struct json_split *split, size_t bytes)
{
    size_t end =
        bytes < split->len - split->at ? split->at + bytes : split->len;

    for (; split->at < end; split->at++)
        if (!take(split, split->text[split->at]))
            return JSON_SPLIT_BAD;
    if (end < split->len)
        return JSON_SPLIT_MORE;
    return split->depth > 0 || split->inside > 0 || split->is_string
               ? JSON_SPLIT_BAD
               : JSON_SPLIT_DONE;
}
