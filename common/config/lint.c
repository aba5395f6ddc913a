/*
 * lint.c - the record of what stands where in a configuration file.
 *
 * Filled by lint_parse.c. Searched from front to back: a file has some dozens
 * of entries, and is read at start and reload only.
 */
#include "common/config/lint.h"

#include "common/base/memory.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

struct lint_entry *lint_add(struct lint *lint, const char *file, unsigned line)
{
    lint->entries =
        xrealloc(lint->entries, (lint->count + 1) * sizeof *lint->entries);
    struct lint_entry *entry = &lint->entries[lint->count++];
    *entry = (struct lint_entry){.file = xstrdup(file), .line = line};
    return entry;
}

size_t lint_add_file(struct lint *lint, const char *path, bool is_ended)
{
    lint->files =
        xrealloc(lint->files, (lint->file_count + 1) * sizeof *lint->files);
    lint->files[lint->file_count] =
        (struct lint_file){.path = xstrdup(path), .is_ended = is_ended};
    return lint->file_count++;
}

void lint_add_statement(struct lint_file *file, char *text)
{
    file->statements = xrealloc(
        file->statements, (file->count + 1) * sizeof *file->statements);
    file->statements[file->count++] = text;
}

void lint_files_free(struct lint_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t s = 0; s < files[i].count; s++)
            free(files[i].statements[s]);
        free(files[i].statements);
        free(files[i].path);
    }
    free(files);
}

void lint_clear(struct lint *lint)
{
    lint_files_free(lint->files, lint->file_count);
    for (size_t i = 0; i < lint->count; i++) {
        struct lint_entry *entry = &lint->entries[i];
        free(entry->section);
        free(entry->title);
        free(entry->name);
        free(entry->own_title);
        free(entry->file);
    }
    free(lint->entries);
    free(lint->text);
    *lint = (struct lint){0};
}

const struct lint_entry *lint_find(const struct lint *lint, const char *section,
    const char *title, const char *name)
{
    for (size_t i = 0; i < lint->count; i++) {
        const struct lint_entry *entry = &lint->entries[i];
        if (entry->form != LINT_SECTION && strcmp(entry->name, name) == 0 &&
            is_same(entry->section, section) && is_same(entry->title, title))
            return entry;
    }
    return NULL;
}

const struct lint_entry *lint_find_section(
    const struct lint *lint, const char *name, const char *title)
{
    for (size_t i = 0; i < lint->count; i++) {
        const struct lint_entry *entry = &lint->entries[i];
        if (entry->form == LINT_SECTION && strcmp(entry->name, name) == 0 &&
            is_same(entry->own_title, title))
            return entry;
    }
    return NULL;
}
