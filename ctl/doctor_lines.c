/*
 * doctor_lines.c - what all findings change, as lines for the files of a host.
 *
 * A line holds whole what it sets: a parameter of main.cf, or a line of
 * master.cf with all of its options. So the lines can stand in any order, and
 * none needs another: parameters of doctor's own are written out where they
 * are referred to. What an option cannot be written with is said in a note.
 */
#include "ctl/doctor_checks.h"

#include "common/base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 4
/* Words of a line of master.cf before those of its command. */
#define FIELDS 7

static const char *const fields[FIELDS + 1] = {"service", "type", "private",
    "unprivileged", "chroot", "wakeup", "process_limit", "command"};

/* A line of master.cf as it is to be. */
struct line {
    const char *service, *type;
    struct postfix_list words;
};

struct lines {
    struct doctor *doctor;
    struct postfix_parameters main; /* as they are to be */
    struct line *items;
    size_t count;
};

/* A word of master.cf: up to a blank, or in braces. */
static size_t word_length(const char *text)
{
    size_t len = 0, depth = 0;

    for (; text[len] != '\0'; len++) {
        depth += text[len] == '{';
        depth -= text[len] == '}' && depth > 0;
        if (*text == '{' ? depth == 0 : strchr(" \t", text[len]) != NULL)
            return len + (*text == '{');
    }
    return len;
}

static void split(const char *text, struct postfix_list *words_r)
{
    postfix_list_parse("", words_r);
    while (*(text += strspn(text, " \t")) != '\0') {
        size_t len = word_length(text);
        postfix_list_insert(
            words_r, words_r->count, xprintf("%.*s", (int)len, text));
        text += len;
    }
}

/* As master.cf has it now; without words: there is none. */
static void read_line(const struct doctor *doctor, struct line *line)
{
    const struct postfix_service *service =
        postfix_config_service(doctor->postfix, line->service, line->type);
    struct postfix_list texts;

    postfix_list_parse("", &texts);
    for (size_t i = 0; service != NULL && i <= FIELDS; i++) {
        const char *text = postfix_parameters_find(&service->fields, fields[i]);
        postfix_list_insert(
            &texts, texts.count, xstrdup(text == NULL ? "-" : text));
    }
    char *text = postfix_list_join(&texts, " ");
    split(text, &line->words);
    free(text);
    postfix_list_clear(&texts);
}

static struct line *find_line(
    struct lines *lines, const char *service, const char *type)
{
    for (size_t i = 0; i < lines->count; i++)
        if (strcmp(lines->items[i].service, service) == 0 &&
            strcmp(lines->items[i].type, type) == 0)
            return &lines->items[i];
    lines->items =
        xrealloc(lines->items, (lines->count + 1) * sizeof *lines->items);
    struct line *line = &lines->items[lines->count++];
    *line = (struct line){.service = service, .type = type};
    read_line(lines->doctor, line);
    return line;
}

/* "name=value" or "{ name = value }", without what is around the two. False:
 * neither of them. */
static bool read_option(
    const char *word, struct postfix_parameters *parameters_r)
{
    size_t len = strlen(word);
    bool is_braced = len > 1 && word[0] == '{' && word[len - 1] == '}';
    char *text = xprintf(
        "%.*s", (int)(is_braced ? len - 2 : len), is_braced ? word + 1 : word);

    postfix_parameters_parse(text, parameters_r);
    free(text);
    return parameters_r->count == 1;
}

/* Takes all -o of that name out. */
static void drop_option(struct postfix_list *words, const char *name)
{
    for (size_t i = FIELDS; i + 1 < words->count; i++) {
        struct postfix_parameters option;
        bool is_it = strcmp(words->words[i], "-o") == 0 &&
                     read_option(words->words[i + 1], &option) &&
                     strcmp(option.items[0].name, name) == 0;
        if (strcmp(words->words[i], "-o") == 0)
            postfix_parameters_clear(&option);
        if (is_it) {
            postfix_list_remove(words, i + 1);
            postfix_list_remove(words, i--);
        }
    }
}

static void set_field(
    struct postfix_list *words, const char *field, const char *value)
{
    for (size_t i = 0; i < FIELDS && i < words->count; i++)
        if (strcmp(fields[i], field) == 0) {
            free(words->words[i]);
            words->words[i] = xstrdup(value);
        }
}

/* The name after a "$", with its ( or {; 0: none that is doctor's own. */
static size_t own_name(const char *text, char **name_r)
{
    size_t open = *text == '{' || *text == '(', len = 0;

    while (isalnum((unsigned char)text[open + len]) || text[open + len] == '_')
        len++;
    if (strncmp(text + open, OWN_PREFIX, strlen(OWN_PREFIX)) != 0 ||
        (open != 0 && strchr("})", text[open + len]) == NULL))
        return 0;
    *name_r = xprintf("%.*s", (int)len, text + open);
    return len + 2 * open;
}

/* With the parameters of doctor's own in place of their names. The caller
 * frees. */
static char *write_out(
    const struct lines *lines, const char *text, unsigned depth)
{
    char *out = xstrdup(""), *name, *longer;

    while (*text != '\0') {
        size_t len = strcspn(text + 1, "$") + 1;
        size_t named = *text == '$' ? own_name(text + 1, &name) : 0;
        if (named > 0 && depth < DEPTH_MAX) {
            const char *value = postfix_parameters_find(&lines->main, name);
            if (value == NULL)
                value = postfix_config_value(lines->doctor->postfix, name);
            char *meant = write_out(lines, value, depth + 1);
            longer = xprintf("%s%s", out, meant);
            free(meant);
            len = named + 1;
        } else {
            longer = xprintf("%s%.*s", out, (int)len, text);
        }
        if (named > 0)
            free(name);
        free(out);
        out = longer;
        text += len;
    }
    return out;
}

static void set_option(
    struct lines *lines, struct line *line, const char *name, const char *value)
{
    struct postfix_list words;
    char *option = mend_option(name, value);

    drop_option(&line->words, name);
    if (option == NULL) {
        doctor_note(lines->doctor,
            "%s/%s: %s has braces that are no pairs, with which no line can "
            "be written; without --for there is a command that sets it",
            line->service, line->type, name);
        return;
    }
    split(option, &words);
    for (size_t i = 0; i < words.count; i++)
        postfix_list_insert(
            &line->words, line->words.count, xstrdup(words.words[i]));
    postfix_list_clear(&words);
    free(option);
}

/* All options, old ones too, say what they mean themselves. */
static void write_out_options(struct lines *lines, struct line *line)
{
    size_t count = line->words.count;

    for (size_t i = FIELDS; i + 1 < count; i++) {
        struct postfix_parameters option = {0};
        if (strcmp(line->words.words[i], "-o") == 0 &&
            strstr(line->words.words[i + 1], OWN_PREFIX) != NULL &&
            read_option(line->words.words[i + 1], &option)) {
            char *value = write_out(lines, option.items[0].value, 0);
            set_option(lines, line, option.items[0].name, value);
            free(value);
            count -= 2;
            i--;
        }
        postfix_parameters_clear(&option);
    }
}

static void apply(struct lines *lines, const struct doctor_edit *edit)
{
    if (edit->kind == EDIT_MAIN) {
        postfix_parameters_set(&lines->main, edit->name, edit->value);
        return;
    }
    struct line *line = find_line(lines, edit->service, edit->type);
    if (edit->kind == EDIT_FIELD) {
        set_field(&line->words, edit->name, edit->value);
    } else if (edit->kind == EDIT_OPTION) {
        set_option(lines, line, edit->name, edit->value);
    } else {
        postfix_list_clear(&line->words);
        split(edit->value, &line->words);
    }
}

/* For between double quotes of a shell. The caller frees. */
static char *escape_word(const char *text)
{
    char *escaped = xcalloc(2 * strlen(text) + 1, 1), *end = escaped;

    for (; *text != '\0'; text++) {
        if (strchr("\\\"$`", *text) != NULL)
            *end++ = '\\';
        *end++ = *text;
    }
    return escaped;
}

/* name=value in that form. The caller frees. */
static char *write_line(const struct doctor *doctor, enum doctor_form form,
    const char *flag, const char *name, const char *value)
{
    const char *directory = doctor->postfix->directory != NULL
                                ? doctor->postfix->directory
                                : doctor->host->directory;
    char *text = xprintf("%s=%s", name, value), *quoted, *line;

    if (form == FORM_TEXT) {
        line = xprintf("%s = %s", name, value);
    } else if (form == FORM_WORD) {
        line = escape_word(text);
    } else {
        quoted = mend_quote(text);
        char *place = directory == NULL ? NULL : mend_quote(directory);
        line = xprintf("postconf %s%s%s%s %s", place == NULL ? "" : "-c ",
            place == NULL ? "" : place, place == NULL ? "" : " ", flag, quoted);
        free(place);
        free(quoted);
    }
    free(text);
    return line;
}

static void fill_main(struct lines *lines, struct doctor_file *file)
{
    enum doctor_form form = lines->doctor->host->main.form;

    for (size_t i = 0; i < lines->main.count; i++) {
        const struct postfix_parameter *set = &lines->main.items[i];
        if (strncmp(set->name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0)
            continue;
        char *value = write_out(lines, set->value, 0);
        postfix_list_insert(&file->lines, file->lines.count,
            write_line(lines->doctor, form, "-e", set->name, value));
        free(value);
    }
}

static void fill_master(struct lines *lines, struct doctor_file *file)
{
    enum doctor_form form = lines->doctor->host->master.form;

    for (size_t i = 0; i < lines->count; i++) {
        struct line *line = &lines->items[i];
        write_out_options(lines, line);
        char *name = xprintf("%s/%s", line->service, line->type);
        char *value = postfix_list_join(&line->words, " ");
        postfix_list_insert(&file->lines, file->lines.count,
            write_line(lines->doctor, form, "-M", name, value));
        free(value);
        free(name);
    }
}

static void clear(struct lines *lines)
{
    postfix_parameters_clear(&lines->main);
    for (size_t i = 0; i < lines->count; i++)
        postfix_list_clear(&lines->items[i].words);
    free(lines->items);
}

void doctor_lines(struct doctor *doctor)
{
    struct doctor_report *report = doctor->report;
    struct lines lines = {.doctor = doctor};

    report->files[0].place = doctor->host->main.place;
    report->files[1].place = doctor->host->master.place;
    for (size_t i = 0; i < report->edit_count; i++)
        apply(&lines, &report->edits[i]);
    for (size_t i = 0; i < DOCTOR_FILES; i++)
        postfix_list_parse("", &report->files[i].lines);
    fill_main(&lines, &report->files[0]);
    fill_master(&lines, &report->files[1]);
    clear(&lines);
}
