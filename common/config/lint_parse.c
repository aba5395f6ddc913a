/*
 * lint_parse.c - checks what may follow what in a configuration file.
 *
 * statement := name = value | name += value | name { statement... }
 *            | name title { statement... } | include(file)
 * Sections do not nest and end in the file in which they begin. Stops at the
 * first mistake. Everything that passes is written to one text for
 * libconfuse, because libconfuse takes no comment inside a list and counts
 * lines wrongly after one.
 */
#include "common/config/lint.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/lint_text.h"
#include "common/config/text_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INCLUDE_DEPTH_MAX 10
#define FILE_SIZE_MAX     (1024 * 1024)

struct run {
    struct lint *lint;
    FILE *out; /* writes lint->text */
    struct error *err;
};

/* One file being read, and the section that is open in it. */
struct place {
    const char *file;
    size_t index; /* in lint->files */
    struct lint_text text;
    unsigned depth;
    const char *section, *title; /* NULL: none */
    unsigned section_line;
};

static bool take_file(
    struct run *, const char *path, const char *text, unsigned depth);

static bool refuse_at(
    struct run *run, const struct place *place, unsigned line, const char *name)
{
    if (name != NULL)
        error_prefix(run->err, "%s: ", name);
    return error_prefix(run->err, "%s:%u: ", place->file, line);
}

static bool next_token(
    struct run *run, struct place *place, const char *name, struct token *token)
{
    return lint_text_next(&place->text, token, run->err) ||
           refuse_at(run, place, token->line, name);
}

static void emit(struct run *run, const struct token *token)
{
    fwrite(token->raw, 1, token->raw_len, run->out);
    fputc('\n', run->out);
}

static bool is_mark(const struct token *token, char mark)
{
    return token->kind == TOKEN_MARK && token->mark == mark;
}

static bool is_text(const struct token *token)
{
    return token->kind == TOKEN_WORD || token->kind == TOKEN_STRING ||
           token->kind == TOKEN_ENVIRONMENT;
}

static bool refuse(struct run *run, const struct place *place,
    const struct token *token, const char *name, const char *expected)
{
    char found[80];
    log_escape(found, sizeof found, token->raw, token->raw_len);
    if (token->kind == TOKEN_END)
        error_set(run->err, "the file ends here; expected %s", expected);
    else
        error_set(run->err, "found %s; expected %s", found, expected);
    return refuse_at(run, place, token->line, name);
}

/* The text between quotes. Titles and file names take nothing that would
 * have to be decoded, so that they compare with what libconfuse made of it. */
static char *plain_text(struct run *run, const struct place *place,
    const struct token *token, const char *name)
{
    const char *start = token->raw;
    size_t len = token->raw_len;
    if (token->kind == TOKEN_STRING) {
        start++;
        len -= 2;
    }
    bool is_plain = len > 0 && token->kind != TOKEN_ENVIRONMENT;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)start[i];
        if (c < 0x20 || c == 0x7f || strchr("\"\\$", (char)c) != NULL)
            is_plain = false;
    }
    if (is_plain)
        return xprintf("%.*s", (int)len, start);
    error_set(run->err, "a title or file name must not be empty nor hold "
                        "\\ $ \" or control characters");
    refuse_at(run, place, token->line, name);
    return NULL;
}

static struct lint_entry *add_entry(struct run *run, const struct place *place,
    const struct token *name_token, const char *name)
{
    struct lint_entry *entry =
        lint_add(run->lint, place->file, name_token->line);
    entry->name = xstrdup(name);
    if (place->section != NULL)
        entry->section = xstrdup(place->section);
    if (place->title != NULL)
        entry->title = xstrdup(place->title);
    return entry;
}

static bool take_list(struct run *run, struct place *place, const char *name)
{
    struct token token;
    for (bool is_first = true;; is_first = false) {
        if (!next_token(run, place, name, &token))
            return false;
        if (is_mark(&token, '}')) {
            emit(run, &token);
            return true;
        }
        if (!is_first && !is_mark(&token, ','))
            return refuse(run, place, &token, name, "a comma or } in a list");
        if (!is_first) {
            emit(run, &token);
            if (!next_token(run, place, name, &token))
                return false;
        }
        if (is_mark(&token, '}') && !is_first) { /* a comma at the end */
            emit(run, &token);
            return true;
        }
        if (!is_text(&token))
            return refuse(run, place, &token, name, "a value or } in a list");
        emit(run, &token);
    }
}

static bool take_option(struct run *run, struct place *place,
    const struct token *name_token, const char *name, bool is_append)
{
    const struct lint_entry *other =
        lint_find(run->lint, place->section, place->title, name);
    if (other != NULL && !is_append) {
        error_set(run->err, "set twice; the first is at %s:%u", other->file,
            other->line);
        return refuse_at(run, place, name_token->line, name);
    }
    struct token token;
    if (!next_token(run, place, name, &token))
        return false;
    if (!is_text(&token) && !is_mark(&token, '{'))
        return refuse(run, place, &token, name, "a value or a list in { }");
    emit(run, &token);
    struct lint_entry *entry = add_entry(run, place, name_token, name);
    entry->is_append = is_append;
    entry->form = is_mark(&token, '{')         ? LINT_LIST
                  : token.kind == TOKEN_STRING ? LINT_QUOTED
                                               : LINT_BARE;
    return !is_mark(&token, '{') || take_list(run, place, name);
}

static bool take_statements(struct run *, struct place *);

static bool take_section(struct run *run, struct place *place,
    const struct token *name_token, const char *name, const char *title)
{
    unsigned line = name_token->line;
    if (place->section != NULL) {
        error_set(run->err, "a section inside section %s; sections do not nest",
            place->section);
        return refuse_at(run, place, line, name);
    }
    const struct lint_entry *other = lint_find_section(run->lint, name, title);
    if (other != NULL) {
        error_set(run->err, "section given twice%s%s%s; the first is at %s:%u",
            title ? " with the title \"" : "", title ? title : "",
            title ? "\"" : "", other->file, other->line);
        return refuse_at(run, place, line, name);
    }
    struct lint_entry *entry = add_entry(run, place, name_token, name);
    entry->form = LINT_SECTION;
    entry->own_title = title == NULL ? NULL : xstrdup(title);

    place->section = name;
    place->title = title;
    place->section_line = line;
    bool is_good = take_statements(run, place);
    place->section = place->title = NULL;
    return is_good;
}

static char *join_path(const char *includer, const char *file)
{
    const char *slash = strrchr(includer, '/');
    if (file[0] == '/' || slash == NULL)
        return xstrdup(file);
    return xprintf("%.*s/%s", (int)(slash - includer), includer, file);
}

static bool take_include(
    struct run *run, struct place *place, const struct token *name_token)
{
    struct token token, close;
    if (!next_token(run, place, "include", &token))
        return false;
    if (!is_text(&token))
        return refuse(run, place, &token, "include", "a file name");
    if (!next_token(run, place, "include", &close))
        return false;
    if (!is_mark(&close, ')'))
        return refuse(run, place, &close, "include", ")");
    if (place->section != NULL || place->depth >= INCLUDE_DEPTH_MAX) {
        error_set(run->err, place->section != NULL
                                ? "stands inside a section; allowed outside"
                                : "more than 10 files deep");
        return refuse_at(run, place, name_token->line, "include");
    }
    char *file = plain_text(run, place, &token, "include");
    if (file == NULL)
        return false;
    char *path = join_path(place->file, file);
    free(file);
    size_t len;
    char *text = text_file_read(path, FILE_SIZE_MAX, &len, run->err);
    bool is_good = text != NULL
                       ? take_file(run, path, text, place->depth + 1)
                       : refuse_at(run, place, name_token->line, "include");
    free(text);
    free(path);
    return is_good;
}

static bool take_titled_section(struct run *run, struct place *place,
    const struct token *name_token, const char *name,
    const struct token *title_token)
{
    char *title = plain_text(run, place, title_token, name);
    if (title == NULL)
        return false;
    struct token token;
    bool is_good = next_token(run, place, name, &token);
    if (is_good && !is_mark(&token, '{'))
        is_good = refuse(run, place, &token, name,
            "{ after a section's title, or = after an option");
    if (is_good) {
        emit(run, title_token);
        emit(run, &token);
        is_good = take_section(run, place, name_token, name, title);
    }
    free(title);
    return is_good;
}

static bool take_statement(struct run *run, struct place *place,
    const struct token *name_token, const char *name)
{
    struct token token;
    if (!next_token(run, place, name, &token))
        return false;
    if (is_mark(&token, '(') && strcmp(name, "include") == 0)
        return take_include(run, place, name_token);
    emit(run, name_token);
    if (is_text(&token))
        return take_titled_section(run, place, name_token, name, &token);
    if (token.kind != TOKEN_MARK || strchr("={+", token.mark) == NULL)
        return refuse(
            run, place, &token, name, "= after an option or { after a section");
    emit(run, &token);
    if (is_mark(&token, '{'))
        return take_section(run, place, name_token, name, NULL);
    return take_option(run, place, name_token, name, token.mark == '+');
}

static bool is_name(const struct token *token)
{
    size_t len = 0;
    while (len < token->raw_len && token->raw[len] != '\0' &&
           (isalnum((unsigned char)token->raw[len]) ||
               strchr("_-", token->raw[len]) != NULL))
        len++;
    return token->kind == TOKEN_WORD && len == token->raw_len;
}

/* The statement whose first entry is `at`, if it has one. */
static void note_statement(
    struct run *run, const struct place *place, size_t at, const char *name)
{
    bool is_include = strcmp(name, "include") == 0;
    const char *title = at < run->lint->count && !is_include
                            ? run->lint->entries[at].own_title
                            : NULL;

    lint_add_statement(&run->lint->files[place->index],
        title != NULL ? xprintf("%s \"%s\"", name, title) : xstrdup(name));
}

/* Up to the end of the file, or of the section that is open. */
static bool take_statements(struct run *run, struct place *place)
{
    for (;;) {
        struct token token;
        if (!next_token(run, place, place->section, &token))
            return false;
        if (place->section != NULL && is_mark(&token, '}')) {
            emit(run, &token);
            return true;
        }
        if (place->section == NULL && token.kind == TOKEN_END)
            return true;
        if (token.kind == TOKEN_END) {
            error_set(run->err, "unclosed section; it must end in } before "
                                "the file does");
            return refuse_at(run, place, place->section_line, place->section);
        }
        if (!is_name(&token))
            return refuse(run, place, &token, place->section,
                "the name of an option or section");
        char *name = xprintf("%.*s", (int)token.raw_len, token.raw);
        size_t at = run->lint->count;
        bool is_good = take_statement(run, place, &token, name);
        if (is_good && place->section == NULL)
            note_statement(run, place, at, name);
        free(name);
        if (!is_good)
            return false;
    }
}

/* /dev/null is empty on purpose. */
static bool is_regular(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool take_file(
    struct run *run, const char *path, const char *text, unsigned depth)
{
    size_t len = strlen(text);

    if (strspn(text, " \t\r\n") == len && is_regular(path))
        return error_set(run->err,
            "%s: the file is empty: half-written? a comment is enough to say "
            "that it is meant so",
            path);
    struct place place = {
        .file = path,
        .index =
            lint_add_file(run->lint, path, len == 0 || text[len - 1] == '\n'),
        .text = {.at = text, .end = text + len, .line = 1},
        .depth = depth,
    };
    return take_statements(run, &place);
}

bool lint_read(const char *path, struct lint *lint, struct error *err)
{
    *lint = (struct lint){0};
    size_t len;
    char *text = text_file_read(path, FILE_SIZE_MAX, &len, err);
    if (text == NULL)
        return false;
    struct run run = {.lint = lint, .err = err};
    run.out = open_memstream(&lint->text, &lint->text_len);
    bool is_good = run.out != NULL && take_file(&run, path, text, 0);
    free(text);
    if (run.out == NULL)
        return error_set(err, "%s: out of memory", path);
    fputc('\n', run.out); /* libconfuse opens no empty text */
    if (fclose(run.out) != 0 && is_good)
        is_good = error_set(err, "%s: out of memory", path);
    if (!is_good)
        lint_clear(lint);
    return is_good;
}
