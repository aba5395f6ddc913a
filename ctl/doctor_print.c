/*
 * doctor_print.c - what doctor found, for people and for machines.
 *
 * Commands stand alone on their lines, never wrapped, so that they can be
 * copied or picked out by their first word.
 */
#include "ctl/doctor_checks.h"

#include "common/base/alloc.h"
#include "common/base/log.h"

#include <stdlib.h>
#include <string.h>

/* Wrapped between words; long words stay whole. */
static void print_text(
    FILE *out, int columns, const char *indent, const char *text)
{
    size_t width = columns > 30 ? (size_t)columns : 30;
    size_t used = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (used > 0 && used + 1 + len > width) {
            putc('\n', out);
            used = 0;
        }
        used += (size_t)fprintf(
            out, "%s%.*s", used == 0 ? indent : " ", (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
    putc('\n', out);
}

/* All places of the findings first..last of which the same is said. */
static char *join_places(
    const struct doctor_report *report, size_t first, size_t last)
{
    const char *what = report->findings[first].what;
    char *places = xstrdup(report->findings[first].where);

    for (size_t i = first + 1; i <= last; i++) {
        if (strcmp(report->findings[i].what, what) != 0)
            continue;
        char *longer = xprintf("%s, %s", places, report->findings[i].where);
        free(places);
        places = longer;
    }
    return places;
}

static bool was_said(
    const struct doctor_report *report, size_t first, size_t index)
{
    for (size_t i = first; i < index; i++)
        if (strcmp(report->findings[i].what, report->findings[index].what) == 0)
            return true;
    return false;
}

static void print_whats(const struct doctor_report *report, size_t first,
    size_t last, int columns, FILE *out)
{
    for (size_t i = first; i <= last; i++) {
        if (was_said(report, first, i))
            continue;
        char *places = join_places(report, i, last);
        char *text = xprintf("%s: %s", places, report->findings[i].what);
        print_text(out, columns, "  ", text);
        free(text);
        free(places);
    }
}

static bool was_printed(const struct doctor_report *report, size_t first,
    size_t last, const char *line)
{
    for (size_t i = first; i <= last; i++)
        for (char **other = report->findings[i].mend; *other != NULL; other++) {
            if (*other == line)
                return false;
            if (strcmp(*other, line) == 0)
                return true;
        }
    return false;
}

/* The findings first..last are one check's. */
static void print_check(const struct doctor_report *report, size_t first,
    size_t last, int columns, FILE *out)
{
    const struct doctor_check *check = report->findings[first].check;

    fprintf(out, "%s: %s\n", check->name, check->title);
    print_whats(report, first, last, columns, out);
    print_text(out, columns, "  ", check->why);
    for (size_t i = first; i <= last; i++) {
        const struct doctor_finding *finding = &report->findings[i];
        for (char **line = finding->mend; report->host == NULL && *line != NULL;
             line++)
            if (!was_printed(report, first, last, *line))
                fprintf(out, "    %s\n", *line);
        if (finding->advice != NULL)
            print_text(out, columns, "    ", finding->advice);
    }
    putc('\n', out);
}

bool doctor_has_lines(const struct doctor_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->findings[i].mend_count > 0)
            return true;
    return false;
}

/* From the first column, for a blank there has a meaning in main.cf; what is
 * said between is a comment everywhere. */
static void print_files(const struct doctor_report *report, FILE *out)
{
    const char *place = "";

    for (size_t i = 0; i < DOCTOR_FILES; i++) {
        const struct doctor_file *file = &report->files[i];
        if (file->lines.count > 0 && strcmp(place, file->place) != 0)
            fprintf(out, "# %s\n", place = file->place);
        for (size_t j = 0; j < file->lines.count; j++)
            fprintf(out, "%s\n", file->lines.words[j]);
    }
    putc('\n', out);
}

static void print_end(const struct doctor_report *report, FILE *out)
{
    if (report->count == 0)
        fprintf(out, "nothing found\n");
    else if (doctor_has_lines(report) && report->host != NULL)
        fprintf(out,
            "found %zu; put the lines above where the comments say, in any "
            "order, then \"%s\"\n",
            report->count, report->host->then);
    else if (doctor_has_lines(report))
        fprintf(out,
            "found %zu; run the lines above in this order, then "
            "\"postfix reload\"\n",
            report->count);
    else
        fprintf(out,
            "found %zu; there is no line to run, only what is said in words\n",
            report->count);
}

void doctor_print(const struct doctor_report *report, int columns, FILE *out)
{
    size_t last;

    for (size_t first = 0; first < report->count; first = last + 1) {
        last = first;
        while (last + 1 < report->count && report->findings[last + 1].check ==
                                               report->findings[first].check)
            last++;
        print_check(report, first, last, columns, out);
    }
    for (size_t i = 0; i < report->note_count; i++) {
        char *text = xprintf("note: %s", report->notes[i]);
        print_text(out, columns, "", text);
        free(text);
    }
    if (report->host != NULL && doctor_has_lines(report))
        print_files(report, out);
    print_end(report, out);
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

/* A value of main.cf may be no UTF-8, which JSON cannot say. */
static json_t *command(const char *line)
{
    size_t size = 4 * strlen(line) + 1;
    char *escaped = xcalloc(size, 1);
    json_t *text = json_string(line);

    if (text == NULL)
        text = json_string(log_escape(escaped, size, line, strlen(line)));
    free(escaped);
    return text;
}

static json_t *host_json(const struct doctor_report *report)
{
    json_t *files = json_array();

    for (size_t i = 0; i < DOCTOR_FILES; i++) {
        const struct doctor_file *file = &report->files[i];
        json_t *lines = json_array();
        for (size_t j = 0; j < file->lines.count; j++)
            json_array_append_new(lines, command(file->lines.words[j]));
        json_array_append_new(files,
            json_pack("{s:s, s:o}", "place", file->place, "lines", lines));
    }
    return json_pack("{s:s, s:o, s:s}", "host", report->host->name, "files",
        files, "then", report->host->then);
}

json_t *doctor_json(const struct doctor_report *report)
{
    json_t *findings = json_array(), *notes = json_array();

    for (size_t i = 0; i < report->count; i++) {
        const struct doctor_finding *finding = &report->findings[i];
        json_t *mend = json_array();
        for (char **line = finding->mend; *line != NULL; line++)
            json_array_append_new(mend, command(*line));
        json_array_append_new(
            findings, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "name",
                          finding->check->name, "where", finding->where,
                          "title", finding->check->title, "what", finding->what,
                          "why", finding->check->why, "mend", mend, "advice",
                          text_or_null(finding->advice)));
    }
    for (size_t i = 0; i < report->note_count; i++)
        json_array_append_new(notes, json_string(report->notes[i]));
    json_t *result = json_pack("{s:o, s:o, s:b}", "findings", findings, "notes",
        notes, "has_lines", doctor_has_lines(report));
    if (report->host != NULL)
        json_object_set_new(result, "for", host_json(report));
    return result;
}
