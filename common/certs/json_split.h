/*
 * json_split.h - takes a large JSON text apart, a little at a time.
 *
 * Every object that is an element of a list is cut out of the text. What
 * remains is the frame, with {"":N} in the place of the Nth object, counted
 * from 0: a parser reads it in no time, and then one object after the other.
 * Nothing is checked here but that brackets and quotes are closed: whoever
 * parses the frame and the objects finds the rest.
 */
#ifndef TOLLGATE_CERTS_JSON_SPLIT_H
#define TOLLGATE_CERTS_JSON_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_SPLIT_FRAME_MAX (128u << 10) /* bytes */
#define JSON_SPLIT_DEPTH_MAX 32           /* of the frame */

enum json_split_result {
    JSON_SPLIT_MORE, /* call again */
    JSON_SPLIT_DONE,
    JSON_SPLIT_BAD, /* cut off, or not what an acme.json looks like */
};

struct json_split_object {
    size_t at, len; /* in the text */
};

struct json_split {
    const char *text; /* borrowed */
    size_t len, at;
    struct json_split_object *objects; /* owned */
    size_t count, max;
    char *frame; /* owned; holds what the text holds: wipe it */
    size_t frame_len;
    char open[JSON_SPLIT_DEPTH_MAX]; /* brackets of the frame */
    unsigned depth;
    unsigned inside; /* brackets of the object that is being cut out */
    bool is_string, is_escaped;
};

/* max: how many objects are taken; more make it bad. */
void json_split_init(
    struct json_split *, const char *text, size_t len, size_t max);
void json_split_clear(struct json_split *);

/* Goes on for so many bytes. */
enum json_split_result json_split_step(struct json_split *, size_t bytes);

#endif
