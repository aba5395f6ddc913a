/*
 * compare.c - see compare.h.
 *
 * Lists are made of the texts of the values; protection is judged by what was
 * built of them, so that a renamed section that guards the same port is none
 * lost. Searched from front to back: at reloads only.
 */
#include "common/config/compare.h"

#include "common/base/alloc.h"
#include "common/config/show.h"
#include "common/config/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the text. */
static void add(struct config_texts *texts, char *text)
{
    texts->items =
        xrealloc(texts->items, (texts->count + 1) * sizeof *texts->items);
    texts->items[texts->count++] = text;
}

static void texts_clear(struct config_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
    *texts = (struct config_texts){0};
}

void config_changes_clear(struct config_changes *changes)
{
    texts_clear(&changes->gained);
    texts_clear(&changes->lost);
    texts_clear(&changes->guarded);
}

#define MORE_SIZE 32 /* "; and 18446744073709551615 more" */

void config_texts_join(const struct config_texts *texts, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < texts->count; i++) {
        const char *between = i > 0 ? "; " : "";
        size_t len = strlen(between) + strlen(texts->items[i]);
        if (at + len + MORE_SIZE >= size) {
            snprintf(out + at, size - at, "%sand %zu more", between,
                texts->count - i);
            return;
        }
        snprintf(out + at, size - at, "%s%s", between, texts->items[i]);
        at += len;
    }
}

static const struct section *same_section(
    const struct values *values, const struct section *section)
{
    for (size_t i = 0; i < values->count; i++) {
        const struct section *other = &values->sections[i];
        if (other->kind == section->kind &&
            (section->title == NULL ||
                strcmp(other->title, section->title) == 0))
            return other;
    }
    return NULL;
}

static bool has_item(const struct setting *setting, const char *item)
{
    for (size_t i = 0; i < setting->count; i++)
        if (strcmp(setting->items[i], item) == 0)
            return true;
    return false;
}

/* "service "25": proof"; "policyd.listen": the label has the section's name. */
static char *name_of(const struct setting *setting, const char *item)
{
    const struct option *option = setting->option;
    char *name =
        setting->title == NULL
            ? xstrdup(option->label)
            : xprintf("%s \"%s\": %s", option_sections[option->section].name,
                  setting->title, option->label);
    if (item == NULL)
        return name;
    char *hidden = show_hidden(option, item);
    char *text = xprintf("%s %s", name, hidden);
    free(hidden);
    free(name);
    return text;
}

/* What `a` has and `b` has not. */
static void add_missing_setting(struct config_texts *missing,
    const struct setting *a, const struct setting *b)
{
    if (!option_is_list(a->option)) {
        if (a->where != NULL && b->where == NULL)
            add(missing, name_of(a, NULL));
        return;
    }
    for (size_t i = 0; i < a->count; i++)
        if (!has_item(b, a->items[i]))
            add(missing, name_of(a, a->items[i]));
}

static void add_missing(struct config_texts *missing, const struct values *a,
    const struct values *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct section *section = &a->sections[i];
        const struct section *other = same_section(b, section);
        if (other == NULL)
            add(missing,
                xprintf("%s \"%s\"", option_sections[section->kind].name,
                    section->title));
        for (size_t s = 0; other != NULL && s < section->count; s++)
            add_missing_setting(
                missing, &section->settings[s], &other->settings[s]);
    }
}

/* 0: whatever a header says is believed. */
static int rank_of_proof(const struct config_service *service)
{
    if (service == NULL || !service->proxied)
        return 0;
    return service->proof == SERVICE_PROOF_REQUIRED   ? 2
           : service->proof == SERVICE_PROOF_OPTIONAL ? 1
                                                      : 0;
}

static void guard_service(struct config_texts *guarded,
    const struct config_service *before, const struct config *after,
    const char *name)
{
    const struct config_service *now =
        config_find_service(after, name, (uint16_t)before->port);

    if (rank_of_proof(now) < rank_of_proof(before))
        add(guarded, xprintf("the proof of service \"%s\"", name));
    if (before->frontend_count > 0 && (now == NULL || now->frontend_count == 0))
        add(guarded, xprintf("the frontends of service \"%s\"", name));
}

static void guard_services(struct config_texts *guarded,
    const struct config *before, const struct config *after)
{
    for (size_t i = 0; i < before->service_count; i++) {
        const struct config_service *service = &before->services[i];
        guard_service(guarded, service, after, service->title);
        for (char **name = service->names; *name != NULL; name++)
            if (service->port == 0)
                guard_service(guarded, service, after, *name);
    }
}

static bool has_listener(
    const struct config_listeners *listeners, const char *text)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (strcmp(listeners->items[i].text, text) == 0)
            return true;
    return false;
}

static void guard_listeners(struct config_texts *guarded,
    const struct config *before, const struct config *after)
{
    const struct config_listeners *listen = &before->policyd.listen;

    for (size_t i = 0; i < listen->count; i++)
        if (!has_listener(&after->policyd.listen, listen->items[i].text))
            add(guarded, xprintf("the listener %s", listen->items[i].text));
    if (before->milter.listen[0] != '\0' &&
        strcmp(before->milter.listen, after->milter.listen) != 0)
        add(guarded,
            xprintf("the milter's listener %s", before->milter.listen));
}

static const struct conf_file *same_file(
    const struct values *values, const char *path)
{
    for (size_t i = 0; i < values->file_count; i++)
        if (strcmp(values->files[i].path, path) == 0)
            return &values->files[i];
    return NULL;
}

static bool has_statement(const struct conf_file *file, const char *statement)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->statements[i], statement) == 0)
            return true;
    return false;
}

/* A file that lacks what was last in it may be one that is being written, in
 * its old form or a new one; a bare number that was cut is still a number. */
static void guard_file(struct config_texts *guarded,
    const struct conf_file *before, const struct values *after)
{
    const struct conf_file *now = same_file(after, before->path);
    const char *last =
        before->count > 0 ? before->statements[before->count - 1] : NULL;

    if (now == NULL)
        add(guarded, xprintf("all of %s", before->path));
    else if (last != NULL && !has_statement(now, last))
        add(guarded, xprintf("the end of %s, %s", before->path, last));
    else if (before->is_ended && !now->is_ended)
        add(guarded, xprintf("the newline at the end of %s", before->path));
}

void config_compare(const struct config *before, const struct config *after,
    struct config_changes *changes)
{
    *changes = (struct config_changes){0};
    add_missing(&changes->lost, before->values, after->values);
    add_missing(&changes->gained, after->values, before->values);
    guard_services(&changes->guarded, before, after);
    if (before->limit_count > 0 && after->limit_count == 0)
        add(&changes->guarded, xstrdup("every limit"));
    guard_listeners(&changes->guarded, before, after);
    for (size_t i = 0; i < before->values->file_count; i++)
        guard_file(&changes->guarded, &before->values->files[i], after->values);
}
