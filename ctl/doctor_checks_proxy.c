/*
 * doctor_checks_proxy.c - listeners behind a proxy.
 */
#include "ctl/doctor_checks.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* Adds to a text; takes both over. */
static char *append(char *text, char *more)
{
    char *longer = xprintf("%s %s", text, more);

    free(text);
    free(more);
    return longer;
}

static const char *field(
    const struct postfix_service *service, const char *name)
{
    const char *value = postfix_parameters_find(&service->fields, name);

    return value == NULL ? "-" : value;
}

/* Where it differs, smtpd is to wait for the header as postscreen did. */
static char *append_timeout(char *line, const struct postfix_service *service)
{
    const char *timeout = postfix_parameters_find(
        &service->in_force, "postscreen_upstream_proxy_timeout");
    const char *own = postfix_parameters_find(
        &service->in_force, "smtpd_upstream_proxy_timeout");

    if (timeout == NULL || own == NULL || strcmp(timeout, own) == 0)
        return line;
    return append(line, xprintf("-o smtpd_upstream_proxy_timeout=%s", timeout));
}

/* All that stands at a service, but what is about its PROXY header. NULL: one
 * of them cannot be written. */
static char *append_options(char *line, const struct postfix_service *service)
{
    for (size_t i = 0; i < service->overrides.count; i++) {
        const struct postfix_parameter *set = &service->overrides.items[i];
        if (strncmp(set->name, "postscreen_", 11) == 0 ||
            strncmp(set->name, "smtpd_upstream_proxy_", 21) == 0)
            continue;
        char *option = mend_option(set->name, set->value);
        if (option == NULL) {
            free(line);
            return NULL;
        }
        line = append(line, option);
    }
    return line;
}

/* An smtpd in postscreen's place, as the one behind it was. NULL: there is an
 * option that cannot be written. */
static char *smtpd_line(
    const struct doctor *doctor, const struct postfix_service *service)
{
    const struct postfix_service *passed =
        postfix_config_passed(doctor->postfix, service);
    const struct postfix_service *model = passed == NULL ? service : passed;
    char *line = xprintf("%s inet n %s %s - %s smtpd "
                         "-o smtpd_upstream_proxy_protocol=haproxy",
        service->name, field(model, "unprivileged"),
        model->is_chrooted ? "y" : "n",
        passed == NULL ? "-" : field(passed, "process_limit"));

    return append_options(append_timeout(line, service), service);
}

/* What a postscreen does for those that it passes on, and by default not. */
static const struct {
    const char *name, *idle, *instead;
} postscreen_works[] = {
    {"postscreen_dnsbl_sites", "", "reject_rbl_client"},
    {"postscreen_access_list", "permit_mynetworks", "check_client_access"},
    {"postscreen_greet_action", "ignore", "reject_unauth_pipelining"},
    {"postscreen_pipelining_enable", "no", "smtpd_forbid_unauth_pipelining"},
    {"postscreen_non_smtp_command_enable", "no", "smtpd_forbidden_commands"},
    {"postscreen_bare_newline_enable", "no", "smtpd_forbid_bare_newline"},
};

static void advise_works(
    struct doctor_finding *finding, const struct postfix_service *service)
{
    char *text = NULL;

    for (size_t i = 0; i < sizeof postscreen_works / sizeof postscreen_works[0];
         i++) {
        const char *name = postscreen_works[i].name;
        const char *value = postfix_parameters_find(&service->in_force, name);
        if (value == NULL || strcmp(value, postscreen_works[i].idle) == 0)
            continue;
        char *one = xprintf(
            "%s = %s (smtpd: %s);", name, value, postscreen_works[i].instead);
        text = text == NULL ? one : append(text, one);
    }
    if (text != NULL)
        doctor_advise(finding,
            "smtpd does not do what postscreen did at this port, and has to "
            "be told: %s postscreen goes on with it at its other ports",
            text);
    free(text);
}

void check_postscreen(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    if (!listener->is_postscreen || !listener->has_header)
        return;
    struct doctor_finding *finding =
        doctor_add_at(doctor, listener, "postscreen takes the PROXY header");
    char *line = smtpd_line(doctor, listener->service);
    if (line == NULL) {
        doctor_advise(finding,
            "master.cf: an smtpd in its place, with "
            "-o smtpd_upstream_proxy_protocol=haproxy and all options of the "
            "smtpd that it passes clients to; braces that are no pairs keep "
            "postconf from writing it");
    } else {
        mend_line(doctor, finding, listener->service->name, "inet", line);
        advise_works(finding, listener->service);
    }
    free(line);
}

void check_section(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    const struct config_service *section = listener->section;

    if (!listener->has_header || (section != NULL && section->proxied))
        return;
    struct doctor_finding *finding = doctor_add_at(doctor, listener,
        section == NULL ? "no service section of tollgate.conf is for it"
                        : "its service section is not proxied");
    doctor_advise(finding,
        "tollgate.conf: service \"%s\" { port = %u proxied = true "
        "trusted_proxies = { \"the proxy's address\" } }",
        section == NULL ? listener->service->name : section->title,
        (unsigned)listener->service->port);
}

static bool is_heard(
    const struct doctor *doctor, const struct config_service *section)
{
    if (section->pass_name != NULL)
        return true; /* check_gate_service */
    for (size_t i = 0; i < doctor->count; i++)
        if (doctor->listeners[i].section == section)
            return true;
    return false;
}

void check_unheard(struct doctor *doctor)
{
    const struct config *config = doctor->config;

    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *section = &config->services[i];
        if (is_heard(doctor, section))
            continue;
        char *where = xprintf("service \"%s\"", section->title);
        struct doctor_finding *finding =
            doctor_add(doctor, where, "master.cf has no such listener");
        if (section->port != 0)
            doctor_advise(finding,
                "a listener at port %u in master.cf, or the port that it has "
                "in tollgate.conf",
                (unsigned)section->port);
        else
            doctor_advise(finding,
                "tollgate.conf: port = the listener's, or its name in "
                "master.cf as the title");
        free(where);
    }
}

/* Parameters by which a session says that it came through a gate. */
static const char policy_name[] = "smtpd_policy_service_policy_context";
static const char milter_name[] = "milter_macro_daemon_name";

/* Where Postfix itself has clients at the gate's port; NULL: nowhere. */
static const struct postfix_service *find_at_port(
    const struct doctor *doctor, const struct config_service *section)
{
    for (size_t i = 0; i < doctor->postfix->count; i++) {
        const struct postfix_service *service = &doctor->postfix->services[i];
        if (service->is_listener && service->port == section->port)
            return service;
    }
    return NULL;
}

/* With the options of the listener whose place the gate takes; of two that are
 * the same, Postfix takes the last. NULL: one cannot be written. */
static char *pass_line(const struct config_service *section,
    const struct postfix_service *replaced)
{
    bool is_private = strstr(section->pass_to, "/private/") != NULL;
    bool is_chrooted = replaced != NULL && replaced->is_chrooted;
    char *line = xprintf("%s pass %s - %s - - smtpd", section->pass_name,
        is_private ? "-" : "n", is_chrooted ? "y" : "n");

    if (replaced != NULL)
        line = append_options(line, replaced);
    if (line == NULL)
        return NULL;
    return append(
        line, xprintf("-o %s=%s -o %s=%s", policy_name, section->pass_name,
                  milter_name, section->pass_name));
}

void check_gate_service(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->config->service_count; i++) {
        const struct config_service *section = &doctor->config->services[i];
        if (section->pass_name == NULL ||
            postfix_config_service(
                doctor->postfix, section->pass_name, "pass") != NULL)
            continue;
        char *where = xprintf("service \"%s\"", section->title);
        char *line = pass_line(section, find_at_port(doctor, section));
        struct doctor_finding *finding = doctor_add(doctor, where,
            "master.cf has no service %s of type pass", section->pass_name);
        if (line != NULL)
            mend_line(doctor, finding, section->pass_name, "pass", line);
        else
            doctor_advise(finding,
                "master.cf: %s pass n - n - - smtpd, with the options of the "
                "listener; braces that are no pairs keep postconf from writing "
                "it",
                section->pass_name);
        free(line);
        free(where);
    }
}

void check_gate_port(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->config->service_count; i++) {
        const struct config_service *section = &doctor->config->services[i];
        const struct postfix_service *there =
            section->pass_name != NULL ? find_at_port(doctor, section) : NULL;
        if (there == NULL)
            continue;
        char *where = xprintf("%s/%s", there->name, there->type);
        doctor_advise(
            doctor_add(doctor, where, "service \"%s\" has a gate at port %u",
                section->title, (unsigned)section->port),
            "take it out of master.cf, then \"postfix reload\" and restart "
            "policyd: postconf -MX %s",
            where);
        free(where);
    }
}

void check_gate_name(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    const char *names[] = {policy_name, milter_name};
    const bool is_asked[] = {
        doctor->opens_policy, doctor_names_milter(doctor, listener->speaker,
                                  doctor_value(listener, "smtpd_milters"))};

    for (size_t i = 0; listener->is_gated && i < 2; i++) {
        const char *value = doctor_known_value(listener, names[i]);
        if (!is_asked[i] || value == NULL ||
            strcmp(value, listener->section->pass_name) == 0)
            continue;
        mend_listener(doctor,
            doctor_add_at(doctor, listener, "%s = %s", names[i], value),
            listener, names[i], listener->section->pass_name);
    }
}

void check_port(struct doctor *doctor, const struct doctor_listener *listener)
{
    const struct config_service *section = listener->section;

    if (section == NULL || !section->proxied || section->port != 0)
        return;
    doctor_advise(doctor_add_at(doctor, listener, "service \"%s\" has no port",
                      section->title),
        "tollgate.conf: port = %u in service \"%s\"",
        (unsigned)listener->service->port, section->title);
}

void check_header(struct doctor *doctor, const struct doctor_listener *listener)
{
    if (!listener->is_header_missing)
        return;
    struct doctor_finding *finding = doctor_add_at(doctor, listener,
        "service \"%s\" is proxied, but takes neither PROXY nor XCLIENT",
        listener->section->title);
    /* A postscreen is replaced already. */
    if (!listener->is_postscreen)
        mend_listener(doctor, finding, listener,
            "smtpd_upstream_proxy_protocol", "haproxy");
}

void check_pipelining(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    static const char name[] = "smtpd_forbid_unauth_pipelining";
    const char *value = doctor_known_value(listener, name);

    if (!listener->has_header || value == NULL || postfix_is_yes(value))
        return;
    mend_listener(doctor,
        doctor_add_at(doctor, listener, "%s = %s", name, value), listener, name,
        "yes");
}
