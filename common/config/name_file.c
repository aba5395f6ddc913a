/*
 * name_file.c - see name_file.h.
 *
 * Two things look like a file that is being written, and wait for a second
 * look: one that has become empty, and one whose last line does not end. An
 * empty list is for nobody.
 */
#include "common/config/name_file.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/config/option_checks.h"
#include "common/config/text_file.h"
#include "common/core/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FAILED_EVERY_MS 60000 /* a line for a failure that lasts */

struct name_file {
    char *path;
    struct name_form form;
    struct name_list list;
    struct stat seen;
    bool is_second_look;
    bool is_failing;
    uint64_t failed_ms; /* when it was logged last */
};

const char *name_file_path(const char *text)
{
    static const char begin[] = "file:";
    size_t len = sizeof begin - 1;

    return strncmp(text, begin, len) == 0 ? text + len : NULL;
}

void name_form_add(
    const struct name_form *form, const char *text, struct name_list *list)
{
    char out[MAILBOX_SIZE];

    name_list_add(list, form->is_login || *text == '@'
                            ? mailbox_without_dot(text, out)
                            : mailbox_canonical(text, form->delimiters, out));
}

static bool parse_line(const struct name_file *file, char *line,
    struct name_list *list, struct error *err)
{
    line = text_file_bare_line(line);
    if (*line == '\0')
        return true;
    if (!(file->form.is_login ? option_check_login(line, err)
                              : option_check_mailbox(line, err)))
        return false;
    if (name_file_path(line) != NULL)
        return error_set(err, "\"%s\": a file names no other file", line);
    name_form_add(&file->form, line, list);
    return true;
}

static bool parse(const struct name_file *file, char *text,
    struct name_list *list, struct error *err)
{
    char *rest = text, *line;
    unsigned number = 0;

    while ((line = strsep(&rest, "\n")) != NULL) {
        number++;
        if (!parse_line(file, line, list, err))
            return error_prefix(err, "%s:%u: ", file->path, number);
    }
    name_list_sort(list);
    return true;
}

static bool load(const struct name_file *file, struct name_list *list,
    bool *is_ended_r, struct error *err)
{
    size_t len;
    char *text = text_file_read(file->path, NAME_FILE_SIZE_MAX, &len, err);

    if (text == NULL)
        return false;
    *is_ended_r = len == 0 || text[len - 1] == '\n';
    bool is_well = parse(file, text, list, err);
    free(text);
    return is_well;
}

static bool stat_file(
    const struct name_file *file, struct stat *now, struct error *err)
{
    if (stat(file->path, now) == -1)
        return error_set(err, "%s: %s", file->path, strerror(errno));
    return S_ISREG(now->st_mode) ||
           error_set(err, "%s: not a file", file->path);
}

struct name_file *name_file_new(
    const char *path, const struct name_form *form, struct error *err)
{
    struct name_file *file = xcalloc(1, sizeof *file);
    bool is_ended;

    file->path = xstrdup(path);
    file->form = *form;
    if (!stat_file(file, &file->seen, err) ||
        !load(file, &file->list, &is_ended, err))
        name_file_free(&file);
    return file;
}

void name_file_free(struct name_file **file)
{
    if (*file == NULL)
        return;
    name_list_clear(&(*file)->list);
    free((*file)->path);
    free(*file);
    *file = NULL;
}

const struct name_list *name_file_list(const struct name_file *file)
{
    return &file->list;
}

static void fail(struct name_file *file, uint64_t now_ms, const char *why)
{
    if (file->is_failing && now_ms - file->failed_ms < FAILED_EVERY_MS)
        return;
    log_error("%s; the last good list stays, %zu names", why, file->list.count);
    file->is_failing = true;
    file->failed_ms = now_ms;
}

static void take(struct name_file *file, struct name_list *list)
{
    name_list_clear(&file->list);
    file->list = *list;
    file->is_failing = file->is_second_look = false;
    if (list->count == 0)
        log_warn("file:%s is empty: a limit for its names is for nobody",
            file->path);
    else
        log_info("file:%s has %zu names now", file->path, list->count);
}

/* Looks like one that is being written. */
static bool is_doubtful(
    const struct name_file *file, const struct name_list *list, bool is_ended)
{
    return !file->is_second_look &&
           (!is_ended || (list->count == 0 && file->list.count > 0));
}

void name_file_look(struct name_file *file, uint64_t now_ms)
{
    struct name_list list = {0};
    struct stat now;
    struct error err;
    bool is_ended = true;

    if (!stat_file(file, &now, &err)) {
        memset(&file->seen, 0, sizeof file->seen);
        fail(file, now_ms, err.text);
        return;
    }
    bool is_same = text_file_is_same(&file->seen, &now);
    if (is_same && !file->is_second_look)
        return;
    file->seen = now;
    file->is_second_look = file->is_second_look && is_same;
    if (!load(file, &list, &is_ended, &err)) {
        fail(file, now_ms, err.text);
    } else if (is_doubtful(file, &list, is_ended)) {
        file->is_second_look = true;
    } else {
        take(file, &list);
        return;
    }
    name_list_clear(&list);
}
