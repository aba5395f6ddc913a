/*
 * trust_file.c - a list of trusted proxies in a file.
 *
 * Looked at every second by its metadata, which also notices files that are
 * renamed over, linked anew (as Kubernetes does) or on a network; read only
 * when those change, and never if it is none: a pipe would stop the loop. A
 * file with one bad line is not taken at all: half a list would refuse
 * somebody's mail without a word. Nor is a list that becomes empty before a
 * second look has found it so, nor one whose last line has come without its
 * newline: both are what a file that is being written looks like, and half an
 * address is another one.
 */
#include "common/net/trust.h"
#include "common/net/trust_source.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/config/text_file.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SIZE_MAX_BYTES (256 * 1024)

struct trust_file {
    struct trust_source source;
    const char *path; /* inside of source.text */
    struct stat seen;
    bool is_read;  /* once at least: source.list is of this file */
    bool is_empty; /* the last look has found no network */
};

static bool parse_lines(char *text, struct cidr_list *list, struct error *err)
{
    char *rest = text, *line;
    unsigned number = 0;

    while ((line = strsep(&rest, "\n")) != NULL) {
        number++;
        line = text_file_bare_line(line);
        if (*line != '\0' && !cidr_list_add(list, line, err))
            return error_prefix(err, "line %u: ", number);
    }
    return true;
}

static bool load(const char *path, struct cidr_list *list, bool *is_ended_r,
    struct error *err)
{
    size_t len;
    char *text = text_file_read(path, SIZE_MAX_BYTES, &len, err);
    bool is_well = text != NULL;

    if (is_well) {
        *is_ended_r = len == 0 || text[len - 1] == '\n';
        is_well = parse_lines(text, list, err);
    }
    free(text);
    return is_well;
}

bool trust_file_load(
    const char *path, struct cidr_list *list, struct error *err)
{
    bool is_ended;

    return load(path, list, &is_ended, err);
}

/* Without a newline at its end, a list may add nothing to the one before. */
static bool is_whole(
    const struct trust_file *file, const struct cidr_list *list, bool is_ended)
{
    bool is = true;

    for (size_t i = 0; is && !is_ended && file->is_read && i < list->count; i++)
        is = cidr_list_contains_net(&file->source.list, &list->items[i]);
    return is;
}

/* Of a list that held proxies before; the next look is the second. */
static bool is_emptied(struct trust_file *file, const struct cidr_list *list)
{
    bool was_empty = file->is_empty;

    file->is_empty = list->count == 0;
    return file->is_empty && !was_empty && file->source.list.count > 0;
}

static void trust_file_set(struct trust_file *file, struct cidr_list *list)
{
    if (list->count == 0 && (file->source.list.count > 0 || !file->is_read))
        log_warn("trusted_proxies: %s is %sempty: no proxy is trusted by it",
            file->source.text, file->is_read ? "still " : "");
    file->is_read = true;
    trust_source_set(&file->source, list, NULL);
    trust_source_is_well(&file->source);
}

static void trust_file_read(struct trust_file *file)
{
    struct cidr_list list = {0};
    struct error err;
    bool is_ended = true;

    if (!load(file->path, &list, &is_ended, &err))
        trust_source_fail(&file->source, err.text);
    else if (is_emptied(file, &list))
        trust_source_fail(&file->source, "is empty");
    else if (!is_whole(file, &list, is_ended))
        trust_source_fail(&file->source,
            "the last line does not end: half-written? put a newline there");
    else {
        trust_file_set(file, &list);
        return;
    }
    cidr_list_clear(&list);
}

static void trust_file_look(struct trust_file *file)
{
    struct stat now;

    if (stat(file->path, &now) == -1) {
        trust_source_fail(&file->source, strerror(errno));
        memset(&file->seen, 0, sizeof file->seen);
        return;
    }
    bool is_second_look = file->is_empty && file->source.list.count > 0;
    if (text_file_is_same(&file->seen, &now) && !is_second_look)
        return;
    file->seen = now;
    if (S_ISREG(now.st_mode))
        trust_file_read(file);
    else
        trust_source_fail(&file->source, "not a file");
}

static void trust_file_on_time(evutil_socket_t fd, short what, void *context)
{
    trust_file_look(context);
}

static void trust_file_free(struct trust_source *source)
{
    free(source);
}

struct trust_source *trust_file_new(struct event_base *base, const char *text)
{
    const struct timeval every = {.tv_sec = 1};
    struct trust_file *file = xcalloc(1, sizeof *file);

    file->source.text = xstrdup(text);
    file->source.free = trust_file_free;
    file->path = file->source.text + strlen("file:");
    file->source.again =
        event_new(base, -1, EV_PERSIST, trust_file_on_time, file);
    event_add(file->source.again, &every);
    trust_file_look(file);
    return &file->source;
}
