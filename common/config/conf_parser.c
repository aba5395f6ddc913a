/*
 * conf_parser.c - reads values from tollgate.conf and what it includes.
 *
 *     file      = { statement }
 *     statement = NAME ( "=" | "+=" ) ( value | list )
 *               | NAME [ TITLE ] "{" { statement } "}"
 *               | "include" "(" FILE ")"
 *     list      = "{" [ item { "," item } [ "," ] ] "}"
 *     item      = value | NAME "=" value, the latter for on_refusal, escalate
 *     value     = word | string | variable
 *     NAME      = letter, digit, "_" or "-", one or more
 *     TITLE, FILE = value, without \ $ " and control characters
 *     word      = characters but blanks # " ' = { } ( ) + , * $ ; \
 *     string    = '"' ... '"' with \ and variables, or "'" ... "'"
 *     variable  = "${" name [ ":-" default ] "}" from the environment
 *
 * Comments: # and // to the end of the line, slash-star to star-slash.
 * Sections do not nest, and end in the file in which they begin; include()
 * stands outside of sections, and its FILE counts from the folder of the file
 * that includes it. The first mistake in the order of the text ends it.
 */
#include "common/config/sources.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/config/conf_assign.h"
#include "common/config/conf_lexer.h"
#include "common/config/text_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INCLUDE_DEPTH_MAX 10
#define FILE_SIZE_MAX     (1024 * 1024)

/* One file being read. */
struct place {
    struct values *values;
    struct error *err;
    const char *path;
    size_t file; /* in values->files */
    struct conf_lexer lexer;
    unsigned depth;
};

/* What a statement begins with, and the section that it stands in. */
struct head {
    char *name;
    unsigned line;
    struct section *section;
};

/* The values of an option. */
struct items {
    char **items;
    size_t count;
};

static bool take_file(struct values *, const char *path, const char *text,
    unsigned depth, struct error *err);

static bool refuse_at(
    const struct place *place, unsigned line, const char *name)
{
    if (name != NULL)
        error_prefix(place->err, "%s: ", name);
    return error_prefix(place->err, "%s:%u: ", place->path, line);
}

static bool next_token(
    struct place *place, const char *name, struct token *token)
{
    return conf_lexer_next(&place->lexer, token, place->err) ||
           refuse_at(place, token->line, name);
}

static bool is_mark(const struct token *token, char mark)
{
    return token->kind == TOKEN_MARK && token->mark == mark;
}

static bool is_value(const struct token *token)
{
    return token->kind != TOKEN_MARK && token->kind != TOKEN_END;
}

/* A text is not repeated: a password or a webhook may be at a wrong place. */
static bool refuse(const struct place *place, const struct token *token,
    const char *name, const char *expected)
{
    char found[80] = "a text";
    if (token->kind != TOKEN_STRING)
        log_escape(found, sizeof found, token->raw, token->raw_len);
    if (token->kind == TOKEN_END)
        error_set(place->err, "the file ends here; expected %s", expected);
    else
        error_set(place->err, "found %s; expected %s", found, expected);
    return refuse_at(place, token->line, name);
}

static char *where_of(const struct place *place, unsigned line)
{
    return xprintf("%s:%u", place->path, line);
}

/* A title or the name of a file; the caller frees. */
static char *plain_text(
    const struct place *place, const struct token *token, const char *name)
{
    size_t quotes = token->kind == TOKEN_STRING ? 1 : 0;
    const char *start = token->raw + quotes;
    size_t len = token->raw_len - 2 * quotes;
    bool is_plain = len > 0 && token->kind != TOKEN_ENVIRONMENT;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)start[i];
        if (c < 0x20 || c == 0x7f || strchr("\"\\$", (char)c) != NULL)
            is_plain = false;
    }
    if (is_plain)
        return xprintf("%.*s", (int)len, start);
    error_set(place->err, "a title or file name must not be empty nor hold "
                          "\\ $ \" or control characters");
    refuse_at(place, token->line, name);
    return NULL;
}

static void add_item(struct items *items, const struct token *token)
{
    items->items =
        xrealloc(items->items, (items->count + 1) * sizeof *items->items);
    items->items[items->count++] = token_value(token);
}

static void items_clear(struct items *items)
{
    for (size_t i = 0; i < items->count; i++)
        free(items->items[i]);
    free(items->items);
}

/* Behind an item's = : "ban" becomes "ban=1h". */
static bool take_pair(
    struct place *place, const char *name, struct items *items)
{
    char **item = &items->items[items->count - 1];
    struct token token;
    if (!next_token(place, name, &token))
        return false;
    if (!is_value(&token))
        return refuse(place, &token, name, "a value after =");
    char *value = token_value(&token);
    char *pair = xprintf("%s=%s", *item, value);
    free(value);
    free(*item);
    *item = pair;
    return true;
}

/* Behind the { . */
static bool take_list(struct place *place, const char *name,
    const struct option *option, struct items *items)
{
    struct token token;
    for (;;) {
        if (!next_token(place, name, &token))
            return false;
        if (is_mark(&token, '}'))
            return true;
        if (!is_value(&token))
            return refuse(place, &token, name, "a value or } in a list");
        add_item(items, &token);
        if (!next_token(place, name, &token))
            return false;
        if (is_mark(&token, '=') && option->type == OPTION_PAIRS &&
            (!take_pair(place, name, items) ||
                !next_token(place, name, &token)))
            return false;
        if (is_mark(&token, '}'))
            return true;
        if (!is_mark(&token, ','))
            return refuse(place, &token, name, "a comma or } in a list");
    }
}

static enum conf_form form_of(const struct token *token)
{
    return token->kind == TOKEN_MARK     ? CONF_LIST
           : token->kind == TOKEN_STRING ? CONF_QUOTED
                                         : CONF_BARE;
}

/* As option_types.h begins its errors: with the section, if it has a title. */
static bool refuse_option(const struct place *place, const struct head *head)
{
    const struct section *section = head->section;
    error_prefix(place->err, "%s: ", head->name);
    if (section->title != NULL)
        error_prefix(place->err,
            "%s \"%s\": ", option_sections[section->kind].name, section->title);
    return refuse_at(place, head->line, NULL);
}

static bool take_option(
    struct place *place, const struct head *head, bool is_append)
{
    struct token token;
    struct items items = {0};
    struct setting *setting =
        conf_find_setting(head->section, head->name, is_append, place->err);
    if (setting == NULL)
        return refuse_option(place, head);
    if (!next_token(place, head->name, &token))
        return false;
    if (!is_value(&token) && !is_mark(&token, '{'))
        return refuse(place, &token, head->name, "a value or a list in { }");
    if (!conf_check_form(setting, form_of(&token), is_append, place->err))
        return refuse_option(place, head);
    bool is_good = true;
    if (is_value(&token))
        add_item(&items, &token);
    else
        is_good = take_list(place, head->name, setting->option, &items);
    char *where = where_of(place, head->line);
    is_good = is_good && conf_assign(setting, is_append, items.items,
                             items.count, where, place->err);
    free(where);
    items_clear(&items);
    return is_good;
}

static bool take_statements(struct place *, struct section *, unsigned line);

static bool take_section(
    struct place *place, const struct head *head, const char *title)
{
    if (head->section->kind != SECTION_TOP) {
        error_set(place->err,
            "a section inside section %s; sections do not nest",
            option_sections[head->section->kind].name);
        return refuse_at(place, head->line, head->name);
    }
    char *where = where_of(place, head->line);
    struct section *section =
        conf_open_section(place->values, head->name, title, where, place->err);
    free(where);
    if (section == NULL)
        return refuse_at(place, head->line, head->name);
    return take_statements(place, section, head->line);
}

static bool take_titled_section(struct place *place, const struct head *head,
    const struct token *title_token, char **title_r)
{
    struct token token;
    *title_r = plain_text(place, title_token, head->name);
    if (*title_r == NULL || !next_token(place, head->name, &token))
        return false;
    if (!is_mark(&token, '{'))
        return refuse(place, &token, head->name,
            "{ after a section's title, or = after an option");
    return take_section(place, head, *title_r);
}

static char *join_path(const char *includer, const char *file)
{
    const char *slash = strrchr(includer, '/');
    if (file[0] == '/' || slash == NULL)
        return xstrdup(file);
    return xprintf("%.*s/%s", (int)(slash - includer), includer, file);
}

static bool read_included(
    const struct place *place, const struct head *head, const char *file)
{
    size_t len;
    char *path = join_path(place->path, file);
    char *text = text_file_read(path, FILE_SIZE_MAX, &len, place->err);
    bool is_good = text != NULL ? take_file(place->values, path, text,
                                      place->depth + 1, place->err)
                                : refuse_at(place, head->line, head->name);
    free(text);
    free(path);
    return is_good;
}

/* Behind the ( . */
static bool take_include(struct place *place, const struct head *head)
{
    struct token token, close;
    if (!next_token(place, head->name, &token))
        return false;
    if (!is_value(&token))
        return refuse(place, &token, head->name, "a file name");
    if (!next_token(place, head->name, &close))
        return false;
    if (!is_mark(&close, ')'))
        return refuse(place, &close, head->name, ")");
    if (head->section->kind != SECTION_TOP ||
        place->depth >= INCLUDE_DEPTH_MAX) {
        error_set(place->err, head->section->kind != SECTION_TOP
                                  ? "stands inside a section; allowed outside"
                                  : "more than 10 files deep");
        return refuse_at(place, head->line, head->name);
    }
    char *file = plain_text(place, &token, head->name);
    bool is_good = file != NULL && read_included(place, head, file);
    free(file);
    return is_good;
}

/* *title_r: of the section that it was, or NULL; the caller frees. */
static bool take_statement(
    struct place *place, const struct head *head, char **title_r)
{
    struct token token;
    if (!next_token(place, head->name, &token))
        return false;
    if (is_mark(&token, '(') && strcmp(head->name, "include") == 0)
        return take_include(place, head);
    if (is_value(&token))
        return take_titled_section(place, head, &token, title_r);
    if (is_mark(&token, '{'))
        return take_section(place, head, NULL);
    if (is_mark(&token, '=') || is_mark(&token, '+'))
        return take_option(place, head, token.mark == '+');
    return refuse(
        place, &token, head->name, "= after an option or { after a section");
}

static bool is_name(const struct token *token)
{
    size_t len = 0;
    while (len < token->raw_len &&
           (isalnum((unsigned char)token->raw[len]) || token->raw[len] == '_' ||
               token->raw[len] == '-'))
        len++;
    return token->kind == TOKEN_WORD && len == token->raw_len;
}

static bool take_named(
    struct place *place, struct section *section, const struct token *token)
{
    char *title = NULL;
    struct head head = {
        .name = xprintf("%.*s", (int)token->raw_len, token->raw),
        .line = token->line,
        .section = section != NULL ? section
                                   : values_section(place->values, SECTION_TOP),
    };
    bool is_good = take_statement(place, &head, &title);
    if (is_good && section == NULL)
        values_note_statement(
            &place->values->files[place->file], head.name, title);
    free(title);
    free(head.name);
    return is_good;
}

/* Up to the end of the file, or of the section that began in that line;
 * section NULL: outside of sections. */
static bool take_statements(
    struct place *place, struct section *section, unsigned line)
{
    const char *name =
        section == NULL ? NULL : option_sections[section->kind].name;
    for (;;) {
        struct token token;
        if (!next_token(place, name, &token))
            return false;
        if (section != NULL && is_mark(&token, '}'))
            return true;
        if (section == NULL && token.kind == TOKEN_END)
            return true;
        if (token.kind == TOKEN_END) {
            error_set(place->err, "unclosed section; it must end in } before "
                                  "the file does");
            return refuse_at(place, line, name);
        }
        if (!is_name(&token))
            return refuse(
                place, &token, name, "the name of an option or section");
        if (!take_named(place, section, &token))
            return false;
    }
}

/* /dev/null is empty on purpose. */
static bool is_regular(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool take_file(struct values *values, const char *path, const char *text,
    unsigned depth, struct error *err)
{
    size_t len = strlen(text);

    if (strspn(text, " \t\r\n") == len && is_regular(path))
        return error_set(err,
            "%s: the file is empty: half-written? a comment is enough to say "
            "that it is meant so",
            path);
    struct place place = {
        .values = values,
        .err = err,
        .path = path,
        .file =
            values_add_file(values, path, len == 0 || text[len - 1] == '\n'),
        .lexer = {.at = text, .end = text + len, .line = 1},
        .depth = depth,
    };
    return take_statements(&place, NULL, 0);
}

bool source_read_file(
    const char *path, struct values *values, struct error *err)
{
    size_t len;
    char *text = text_file_read(path, FILE_SIZE_MAX, &len, err);
    bool is_good = text != NULL && take_file(values, path, text, 0, err);
    free(text);
    return is_good;
}
