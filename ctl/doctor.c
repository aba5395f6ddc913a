/*
 * doctor.c - what is there, and every check of the table over it.
 *
 * Nothing here knows a check. A finding is kept as text; whoever mends runs
 * its commands in the order of the findings.
 */
#include "ctl/doctor_checks.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/config/listen.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool doctor_is_loopback(const char *service)
{
    return strncmp(service, "127.", 4) == 0 ||
           strncmp(service, "localhost:", 10) == 0 ||
           strncmp(service, "[::1]:", 6) == 0 ||
           strncmp(service, "::1:", 4) == 0;
}

static const struct postfix_service *speaker_of(
    const struct doctor *doctor, const struct doctor_listener *listener)
{
    const struct postfix_service *passed = NULL;

    if (listener->is_postscreen && !listener->has_header)
        passed = postfix_config_passed(doctor->postfix, listener->service);
    return passed == NULL ? listener->service : passed;
}

/* Nobody says who the client is: neither PROXY nor XCLIENT. */
static bool lacks_header(const struct doctor_listener *listener)
{
    const char *hosts = postfix_parameters_find(
        &listener->service->in_force, "smtpd_authorized_xclient_hosts");

    return !listener->has_header && listener->section != NULL &&
           listener->section->proxied && (hosts == NULL || *hosts == '\0');
}

/* What a line of master.cf says where a content filter gives mail back: it is
 * not to be filtered again, and the filter may say who the client was. */
static bool looks_like_reinjection(const struct postfix_service *service)
{
    static const char *const names[] = {"content_filter", "smtpd_proxy_filter",
        "receive_override_options", "smtpd_authorized_xforward_hosts"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (postfix_parameters_find(&service->overrides, names[i]) != NULL)
            return true;
    return false;
}

static bool switches_filter_off(
    const struct doctor *doctor, const struct postfix_service *service)
{
    const char *there =
        postfix_parameters_find(&service->in_force, "content_filter");

    return *postfix_config_value(doctor->postfix, "content_filter") != '\0' &&
           there != NULL && *there == '\0';
}

/* A section or a PROXY header says that clients come. So does a login, but not
 * on loopback, where main.cf's own may be meant for others. */
static bool is_reinjection(
    const struct doctor *doctor, const struct doctor_listener *listener)
{
    const struct postfix_service *service = listener->service;
    const char *login =
        postfix_parameters_find(&service->in_force, "smtpd_sasl_auth_enable");
    bool has_login = login != NULL && postfix_is_yes(login);

    if (listener->section != NULL || listener->has_header ||
        listener->is_postscreen)
        return false;
    if (doctor_is_loopback(service->name))
        return !has_login || looks_like_reinjection(service);
    return !has_login && switches_filter_off(doctor, service);
}

static void fill_listener(struct doctor *doctor,
    const struct postfix_service *service, struct doctor_listener *listener)
{
    const struct config *config = doctor->config;

    listener->service = service;
    listener->section =
        config_find_service(config, service->name, service->port);
    listener->is_postscreen = strcmp(service->program, "postscreen") == 0;
    const char *protocol = postfix_parameters_find(&service->in_force,
        listener->is_postscreen ? "postscreen_upstream_proxy_protocol"
                                : "smtpd_upstream_proxy_protocol");
    listener->has_header = protocol != NULL && *protocol != '\0';
    listener->is_gated =
        listener->section != NULL && listener->section->pass_name != NULL;
    listener->is_header_missing = !listener->is_gated && lacks_header(listener);
    listener->has_header |= listener->is_header_missing;
    listener->wants_proof = listener->section != NULL && !listener->is_gated &&
                            listener->section->proxied &&
                            listener->section->proof != SERVICE_PROOF_OFF;
    listener->is_reinjection = is_reinjection(doctor, listener);
    listener->is_guarded =
        listener->section != NULL || listener->has_header ||
        (config->service_count == 0 && !listener->is_reinjection &&
            !doctor_is_loopback(service->name));
    listener->speaker = speaker_of(doctor, listener);
    /* At a gate's own port there is to be none of Postfix. */
    if (listener->is_gated && service->is_listener)
        listener->is_guarded = false;
}

/* The smtpd of a pass service that a gate hands clients to. */
static bool is_behind_gate(
    const struct config *config, const struct postfix_service *service)
{
    for (size_t i = 0; i < config->service_count; i++)
        if (strcmp(service->type, "pass") == 0 && service->is_server &&
            config_is_behind_gate(&config->services[i], service->name))
            return true;
    return false;
}

static void open_doctor(struct doctor *doctor)
{
    struct error ignored;

    doctor->listeners =
        xcalloc(doctor->postfix->count + 1, sizeof *doctor->listeners);
    for (size_t i = 0; i < doctor->postfix->count; i++) {
        const struct postfix_service *service = &doctor->postfix->services[i];
        if (service->is_listener || is_behind_gate(doctor->config, service))
            fill_listener(doctor, service, &doctor->listeners[doctor->count++]);
    }
    doctor->opens_anvil = doctor_listen(doctor, "anvil") != NULL ||
                          doctor_listen(doctor, "anvil-pass") != NULL;
    doctor->opens_policy = doctor_listen(doctor, "policy") != NULL;
    if (doctor->config->milter.listen[0] != '\0')
        (void)listen_parse_milter(
            doctor->config->milter.listen, &doctor->milter, &ignored);
}

/* What was told says nothing of that, and nothing is guessed. */
static void note_what_is_not_here(struct doctor *doctor)
{
    if (doctor->postfix->told != NULL)
        doctor_note(doctor,
            "Postfix is not here: its processes and users, the helper, and who "
            "may connect to the sockets were not looked at");
    if (doctor->postfix->is_unsure)
        doctor_note(doctor,
            "an option of master.cf changes what main.cf compares by "
            "${{...}}: without Postfix such a value is taken as main.cf's");
}

void doctor_examine(const struct config *config,
    const struct postfix_config *postfix, const struct doctor_host *host,
    struct doctor_report *report_r)
{
    struct doctor doctor = {
        .config = config, .postfix = postfix, .host = host, .report = report_r};

    *report_r = (struct doctor_report){.host = host};
    open_doctor(&doctor);
    for (doctor.check = doctor_checks; doctor.check->name != NULL;
         doctor.check++) {
        if (doctor.check->look != NULL)
            doctor.check->look(&doctor);
        for (size_t i = 0; doctor.check->look_at != NULL && i < doctor.count;
             i++)
            if (doctor.listeners[i].is_guarded)
                doctor.check->look_at(&doctor, &doctor.listeners[i]);
    }
    note_what_is_not_here(&doctor);
    if (host != NULL)
        doctor_lines(&doctor);
    else if (report_r->edit_count > 0)
        doctor_note_host(&doctor);
    listen_clear(&doctor.milter);
    free(doctor.listeners);
}

const char *doctor_known_value(
    const struct doctor_listener *listener, const char *name)
{
    return postfix_parameters_find(&listener->speaker->in_force, name);
}

const char *doctor_value(
    const struct doctor_listener *listener, const char *name)
{
    const char *value = doctor_known_value(listener, name);

    return value == NULL ? "" : value;
}

const struct config_listener *doctor_listen(
    const struct doctor *doctor, const char *face)
{
    const struct config_listeners *listen = &doctor->config->policyd.listen;
    const struct config_listener *found = NULL;

    for (size_t i = 0; i < listen->count; i++)
        if (strcmp(listen->items[i].face, face) == 0 &&
            (found == NULL || (found->is_inet && !listen->items[i].is_inet)))
            found = &listen->items[i];
    return found;
}

static bool is_for_service(const struct doctor *doctor,
    const struct limit *limit, const struct doctor_listener *listener)
{
    const char *title = listener->section != NULL ? listener->section->title
                                                  : listener->service->name;

    for (char **name = limit->services; *name != NULL; name++)
        if (strcmp(config_service_title(doctor->config, *name), title) == 0)
            return true;
    return limit->services[0] == NULL;
}

struct limits_there doctor_limits(const struct doctor *doctor,
    const struct doctor_listener *listener, enum face face,
    enum event_kind kind)
{
    const struct config_feed *feed = &doctor->config->feeds[face][kind];
    struct limits_there there = {.is_plain = true};

    for (size_t i = 0; i < feed->count; i++) {
        const struct limit *limit = feed->limits[i];
        if (!is_for_service(doctor, limit, listener))
            continue;
        there.count++;
        there.is_plain = there.is_plain && limit->is_client && !limit->shadow;
        if (limit->n > there.highest)
            there.highest = limit->n;
    }
    return there;
}

bool doctor_has_limits(const struct doctor *doctor,
    const struct doctor_listener *listener, enum face face)
{
    for (unsigned kind = 0; kind < EVENT_KINDS; kind++)
        if (doctor_limits(doctor, listener, face, (enum event_kind)kind).count >
            0)
            return true;
    return false;
}

static char *format_text(const char *format, va_list args)
    __attribute__((format(printf, 1, 0)));
static struct doctor_finding *add(struct doctor *, char *where,
    const char *format, va_list) __attribute__((format(printf, 3, 0)));

/* Printable: values of main.cf can hold anything, and be long. */
static char *format_text(const char *format, va_list args)
{
    char text[2048];
    int len = vsnprintf(text, sizeof text, format, args);
    size_t size = 4 * sizeof text;
    char *shown = xcalloc(size, 1);

    if (len >= (int)sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    return log_escape(shown, size, text, strlen(text));
}

static struct doctor_finding *add(
    struct doctor *doctor, char *where, const char *format, va_list args)
{
    struct doctor_report *report = doctor->report;

    report->findings = xrealloc(
        report->findings, (report->count + 1) * sizeof *report->findings);
    struct doctor_finding *finding = &report->findings[report->count++];
    *finding = (struct doctor_finding){
        .check = doctor->check,
        .where = where,
        .what = format_text(format, args),
        .mend = xcalloc(1, sizeof(char *)),
    };
    return finding;
}

struct doctor_finding *doctor_add(
    struct doctor *doctor, const char *where, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    struct doctor_finding *finding = add(doctor, xstrdup(where), format, args);
    va_end(args);
    return finding;
}

struct doctor_finding *doctor_add_at(struct doctor *doctor,
    const struct doctor_listener *listener, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    struct doctor_finding *finding = add(doctor,
        xprintf("%s/%s", listener->speaker->name, listener->speaker->type),
        format, args);
    va_end(args);
    return finding;
}

void doctor_note(struct doctor *doctor, const char *format, ...)
{
    struct doctor_report *report = doctor->report;
    va_list args;

    report->notes = xrealloc(
        report->notes, (report->note_count + 1) * sizeof *report->notes);
    va_start(args, format);
    report->notes[report->note_count++] = format_text(format, args);
    va_end(args);
}

void doctor_advise(struct doctor_finding *finding, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    finding->advice = format_text(format, args);
    va_end(args);
}

void doctor_report_clear(struct doctor_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        struct doctor_finding *finding = &report->findings[i];
        for (char **line = finding->mend; *line != NULL; line++)
            free(*line);
        free(finding->mend);
        free(finding->where);
        free(finding->what);
        free(finding->advice);
    }
    for (size_t i = 0; i < report->note_count; i++)
        free(report->notes[i]);
    for (size_t i = 0; i < report->edit_count; i++) {
        free(report->edits[i].service);
        free(report->edits[i].type);
        free(report->edits[i].name);
        free(report->edits[i].value);
    }
    for (size_t i = 0; i < DOCTOR_FILES; i++)
        postfix_list_clear(&report->files[i].lines);
    free(report->edits);
    free(report->findings);
    free(report->notes);
    *report = (struct doctor_report){0};
}
