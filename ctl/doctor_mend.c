/*
 * doctor_mend.c - the commands that mend what doctor found.
 *
 * Each can be given to a shell as it stands. postconf -P takes no blank in a
 * value, so what needs one is put into a parameter of main.cf, to which the
 * service's refers.
 */
#include "ctl/doctor_checks.h"

#include "common/base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SAFE \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-"

char *mend_quote(const char *text)
{
    if (*text != '\0' && text[strspn(text, SAFE)] == '\0')
        return xstrdup(text);
    char *quoted = xcalloc(4 * strlen(text) + 3, 1), *end = quoted;
    *end++ = '\'';
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a part */
            memcpy(end, "'\\''", 4);
            end += 4;
        } else {
            *end++ = *text;
        }
    }
    *end = '\'';
    return quoted;
}

/* Braces stand in pairs in an option. */
static bool is_writable(const char *value)
{
    int depth = 0;

    for (; *value != '\0' && depth >= 0; value++)
        depth += (*value == '{') - (*value == '}');
    return depth == 0;
}

char *mend_option(const char *name, const char *value)
{
    if (!is_writable(value))
        return NULL;
    return xprintf(
        value[strcspn(value, " \t")] != '\0' ? "-o {%s=%s}" : "-o %s=%s", name,
        value);
}

/* Takes the argument over. */
static void add_command(struct doctor *doctor, struct doctor_finding *finding,
    const char *flag, char *argument)
{
    char *quoted = mend_quote(argument), *line;

    if (doctor->postfix->directory == NULL) {
        line = xprintf("postconf %s %s", flag, quoted);
    } else {
        char *directory = mend_quote(doctor->postfix->directory);
        line = xprintf("postconf -c %s %s %s", directory, flag, quoted);
        free(directory);
    }
    finding->mend = xrealloc(
        finding->mend, (finding->mend_count + 2) * sizeof *finding->mend);
    finding->mend[finding->mend_count++] = line;
    finding->mend[finding->mend_count] = NULL;
    free(quoted);
    free(argument);
}

static void add_edit(struct doctor *doctor, enum doctor_edit_kind kind,
    const char *service, const char *type, const char *name, const char *value)
{
    struct doctor_report *report = doctor->report;

    report->edits = xrealloc(
        report->edits, (report->edit_count + 1) * sizeof *report->edits);
    report->edits[report->edit_count++] = (struct doctor_edit){
        .kind = kind,
        .service = xstrdup(service),
        .type = xstrdup(type),
        .name = xstrdup(name),
        .value = xstrdup(value),
    };
}

void mend_main(struct doctor *doctor, struct doctor_finding *finding,
    const char *name, const char *value)
{
    add_edit(doctor, EDIT_MAIN, "", "", name, value);
    add_command(doctor, finding, "-e", xprintf("%s=%s", name, value));
}

/* "smtpd_x" of "127.0.0.1:25/inet": "tollgate_x_127_0_0_1_25". */
static char *own_parameter(const char *name, const char *service)
{
    if (strncmp(name, "smtpd_", 6) == 0)
        name += 6;
    char *own = xprintf(OWN_PREFIX "%s_%s", name, service);
    for (char *at = own; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at))
            *at = '_';
    return own;
}

void mend_listener(struct doctor *doctor, struct doctor_finding *finding,
    const struct doctor_listener *listener, const char *name, const char *value)
{
    const struct postfix_service *speaker = listener->speaker;
    char *own = NULL, *reference = NULL;

    if (value[strcspn(value, " \t")] != '\0') {
        own = own_parameter(name, speaker->name);
        reference = xprintf("$%s", own);
        mend_main(doctor, finding, own, value);
        value = reference;
    }
    add_edit(doctor, EDIT_OPTION, speaker->name, speaker->type, name, value);
    add_command(doctor, finding, "-P",
        xprintf("%s/%s/%s=%s", speaker->name, speaker->type, name, value));
    free(own);
    free(reference);
}

void mend_line(struct doctor *doctor, struct doctor_finding *finding,
    const char *name, const char *type, const char *line)
{
    add_edit(doctor, EDIT_LINE, name, type, "", line);
    add_command(doctor, finding, "-M", xprintf("%s/%s=%s", name, type, line));
}

void mend_field(struct doctor *doctor, struct doctor_finding *finding,
    const struct postfix_service *service, const char *field, const char *value)
{
    add_edit(doctor, EDIT_FIELD, service->name, service->type, field, value);
    add_command(doctor, finding, "-F",
        xprintf("%s/%s/%s=%s", service->name, service->type, field, value));
}
