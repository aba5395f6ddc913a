/*
 * doctor_checks_proxy.c - listeners behind a proxy.
 */
#include "ctl/doctor_checks.h"

#include "common/base/memory.h"

#include <stdlib.h>
#include <string.h>

static char *append(char *line, char *more)
{
    char *longer = xprintf("%s %s", line, more);

    free(line);
    free(more);
    return longer;
}

/* An smtpd in postscreen's place, with what its line says to smtpd. */
static char *smtpd_line(const struct postfix_service *service)
{
    const char *timeout = postfix_parameters_find(
        &service->overrides, "postscreen_upstream_proxy_timeout");
    char *line = xprintf("%s inet n - %s - - smtpd "
                         "-o smtpd_upstream_proxy_protocol=haproxy",
        service->name, service->is_chrooted ? "y" : "n");

    if (timeout != NULL)
        line = append(
            line, xprintf("-o smtpd_upstream_proxy_timeout=%s", timeout));
    for (size_t i = 0; i < service->overrides.count; i++) {
        const struct postfix_parameter *set = &service->overrides.items[i];
        if (strncmp(set->name, "postscreen_", 11) != 0 &&
            strcmp(set->name, "smtpd_upstream_proxy_protocol") != 0)
            line = append(line,
                xprintf(
                    strchr(set->value, ' ') != NULL ? "-o {%s=%s}" : "-o %s=%s",
                    set->name, set->value));
    }
    return line;
}

void check_postscreen(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    if (!listener->is_postscreen || !listener->has_header)
        return;
    struct doctor_finding *finding =
        doctor_add_at(doctor, listener, "postscreen takes the PROXY header");
    char *line = smtpd_line(listener->service);
    mend_line(doctor, finding, listener->service->name, "inet", line);
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
