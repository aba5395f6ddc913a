/*
 * postfix_told.c - what postconf printed elsewhere, on standard input.
 *
 * No line between the parts is needed: the lines of each have a form of their
 * own, and a parameter that comes a second time is an expanded one.
 */
#include "ctl/postfix_told.h"

#include "common/base/alloc.h"
#include "common/base/program.h"

#include <stdlib.h>
#include <string.h>

enum part { PART_RAW, PART_EXPANDED, PART_FIELDS, PART_OVERRIDES, PART_MAPS };

#define PARTS 5

static const char *const options[PARTS] = {"", " -x", " -F", " -P", " -m"};

/* Of a line of master.cf. */
static bool is_field(const char *name, size_t len)
{
    static const char *const fields[] = {"service", "type", "private",
        "unprivileged", "chroot", "wakeup", "process_limit", "command"};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strlen(fields[i]) == len && memcmp(fields[i], name, len) == 0)
            return true;
    return false;
}

static enum part part_of(
    const struct postfix_told *told, const char *line, size_t len)
{
    const char *equals = memchr(line, '=', len);
    const char *end = equals == NULL ? line + len : equals;

    if (equals == NULL)
        return PART_MAPS;
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    const char *last = end;
    while (last > line && last[-1] != '/')
        last--;
    if (last > line)
        return is_field(last, (size_t)(end - last)) ? PART_FIELDS
                                                    : PART_OVERRIDES;
    char *name = xprintf("%.*s", (int)(end - line), line);
    bool is_known = postfix_parameters_find(&told->raw, name) != NULL;
    free(name);
    return is_known ? PART_EXPANDED : PART_RAW;
}

/* Takes one line in, without its end. */
static void take_line(
    struct postfix_told *told, FILE *const texts[PARTS], char *line, size_t len)
{
    struct postfix_parameters one;
    enum part part = part_of(told, line, len);

    if (part != PART_RAW && part != PART_EXPANDED) {
        fprintf(texts[part], "%s\n", line);
        return;
    }
    postfix_parameters_parse(line, &one);
    for (size_t i = 0; i < one.count; i++)
        postfix_parameters_add(part == PART_RAW ? &told->raw : &told->expanded,
            one.items[i].name, one.items[i].value);
    postfix_parameters_clear(&one);
}

static bool is_there(const struct postfix_told *told, enum part part)
{
    switch (part) {
    case PART_RAW:
        return told->raw.count > 0;
    case PART_EXPANDED:
        return told->expanded.count >= told->raw.count;
    case PART_FIELDS:
        return *told->fields != '\0';
    case PART_OVERRIDES: /* a master.cf without any -o prints none */
        return true;
    case PART_MAPS:
        return *told->map_types != '\0';
    }
    return false;
}

static bool judge(
    const struct postfix_told *told, bool is_readable, struct error *err)
{
    if (!is_readable)
        return error_set(err,
            "standard input: a line with a NUL, or more than %d MiB; it is to "
            "be what \"" POSTFIX_TOLD_BY "\" prints",
            PROGRAM_OUTPUT_MAX / 1024 / 1024);
    for (unsigned part = 0; part < PARTS; part++)
        if (!is_there(told, (enum part)part))
            return error_set(err,
                "standard input has nothing, or only a part, of what "
                "\"postconf%s\" prints; it is to be \"" POSTFIX_TOLD_BY "\"",
                options[part]);
    return true;
}

static bool take_lines(
    FILE *in, struct postfix_told *told, FILE *const texts[PARTS])
{
    char *line = NULL;
    size_t size = 0, total = 0;
    ssize_t len;
    bool is_readable = true;

    while (is_readable && (len = getline(&line, &size, in)) >= 0) {
        total += (size_t)len;
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            line[--len] = '\0';
        is_readable =
            total <= PROGRAM_OUTPUT_MAX && strlen(line) == (size_t)len;
        if (is_readable && len > 0)
            take_line(told, texts, line, (size_t)len);
    }
    free(line);
    return is_readable;
}

static FILE *open_text(char **text, size_t *size)
{
    FILE *file = open_memstream(text, size);

    if (file == NULL)
        abort();
    return file;
}

bool postfix_told_read(FILE *in, struct postfix_told *told_r, struct error *err)
{
    size_t size[PARTS];
    FILE *texts[PARTS] = {NULL};

    *told_r = (struct postfix_told){0};
    texts[PART_FIELDS] = open_text(&told_r->fields, &size[PART_FIELDS]);
    texts[PART_OVERRIDES] =
        open_text(&told_r->overrides, &size[PART_OVERRIDES]);
    texts[PART_MAPS] = open_text(&told_r->map_types, &size[PART_MAPS]);
    bool is_readable = take_lines(in, told_r, texts);
    for (unsigned part = 0; part < PARTS; part++)
        if (texts[part] != NULL && fclose(texts[part]) != 0)
            abort();
    if (judge(told_r, is_readable, err))
        return true;
    postfix_told_clear(told_r);
    return false;
}

void postfix_told_clear(struct postfix_told *told)
{
    postfix_parameters_clear(&told->raw);
    postfix_parameters_clear(&told->expanded);
    free(told->fields);
    free(told->overrides);
    free(told->map_types);
    *told = (struct postfix_told){0};
}
