/*
 * build_proxies.c - what services say of the proxies in front of them.
 *
 * Refuses what contradicts itself: a proof that nobody could pass, an option
 * that would do nothing. Warns of what works, but trusts too many or proves
 * nothing; a warning never stops a start.
 */
#include "common/config/build.h"

#include "common/base/alloc.h"
#include "common/config/option_checks.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void warn(struct config *config, const struct setting *setting,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "where: section: name: text" at the end of config->warnings. */
static void warn(struct config *config, const struct setting *setting,
    const char *format, ...)
{
    char text[512];
    struct error warning;
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(len > 0);
    setting_refuse(setting, &warning, "%s", text);
    build_warn(config, "%s", warning.text);
}

static bool is_source(const char *text)
{
    return strncmp(text, "file:", strlen("file:")) == 0 ||
           strncmp(text, "dns:", strlen("dns:")) == 0;
}

static size_t count_texts(char *const *texts)
{
    size_t count = 0;

    while (texts[count] != NULL)
        count++;
    return count;
}

/* The texts have been checked as they were read. */
static void split_proxies(struct config_service *service)
{
    size_t sources = 0;
    struct error err;

    service->trusted_sources =
        xcalloc(count_texts(service->trusted_proxies) + 1, sizeof(char *));
    for (char **text = service->trusted_proxies; *text != NULL; text++) {
        if (is_source(*text)) {
            service->trusted_sources[sources++] = *text;
            continue;
        }
        bool is_cidr = cidr_list_add(&service->trusted_nets, *text, &err);
        assert(is_cidr);
    }
}

static void split_frontends(struct config_service *service)
{
    struct error err;

    service->frontend_list = xcalloc(
        count_texts(service->frontends) + 1, sizeof *service->frontend_list);
    for (char **text = service->frontends; *text != NULL; text++) {
        struct claim_frontend *frontend =
            &service->frontend_list[service->frontend_count++];
        char *host;
        bool is_split =
            option_split_address(*text, &host, &frontend->port, &err) &&
            address_parse(host, strlen(host), &frontend->address);
        assert(is_split);
        free(host);
    }
}

void build_clear_proxies(struct config_service *service)
{
    cidr_list_clear(&service->trusted_nets);
    free(service->trusted_sources);
    free(service->frontend_list);
}

/* Options that mean something on a proxied service only. */
static bool check_unproxied(const struct config_service *service,
    const struct section *section, struct error *err)
{
    const struct {
        const char *name;
        bool is_set;
    } settings[] = {
        {"trusted_proxies", service->trusted_proxies[0] != NULL},
        {"frontends", service->frontends[0] != NULL},
        {"unproxied_mail", service->unproxied_mail != UNPROXIED_ACCEPT},
    };

    for (size_t i = 0; !service->proxied && i < COUNT(settings); i++)
        if (settings[i].is_set)
            return setting_refuse(section_setting(section, settings[i].name),
                err, "has no effect here; set proxied = true, or remove it");
    return true;
}

static bool check_proxied(const struct config_service *service,
    const struct section *section, struct error *err)
{
    if (service->proxied && service->proof != SERVICE_PROOF_OFF &&
        service->trusted_proxies[0] == NULL)
        return setting_refuse(section_setting(section, "proxied"), err,
            "trusted_proxies is empty and proof = \"%s\": nobody could pass; "
            "list the proxies, or set proof = \"off\"",
            setting_text(section_setting(section, "proof")));
    return true;
}

/* Blocks that hold more than proxies wherever they are used. */
static const struct wide_net {
    const char *net;
    const char *what;
} wide_nets[] = {
    {"10.0.0.0/8", "all of a private block"},
    {"172.16.0.0/12", "all of a private block"},
    {"192.168.0.0/16", "all of a private block"},
    {"100.64.0.0/10", "all of a shared block"},
    {"fc00::/7", "all unique local addresses"},
};

static const char *why_too_wide(const struct cidr *net)
{
    struct cidr wide;
    struct error err;

    if (net->prefix_length == 0)
        return "everybody";
    for (size_t i = 0; i < COUNT(wide_nets); i++)
        if (cidr_parse(wide_nets[i].net, &wide, &err) &&
            cidr_contains_net(net, &wide))
            return wide_nets[i].what;
    return NULL;
}

static void warn_of_nets(struct config *config,
    const struct config_service *service, const struct section *section)
{
    const struct setting *setting = section_setting(section, "trusted_proxies");
    char text[CIDR_TEXT_SIZE];

    for (size_t i = 0; i < service->trusted_nets.count; i++) {
        const struct cidr *net = &service->trusted_nets.items[i];
        const char *why = why_too_wide(net);
        cidr_format(net, text);
        if (why != NULL)
            warn(config, setting,
                "%s trusts %s; name the proxies' own addresses", text, why);
        if (cidr_list_overlap(&config->exempt_clients, net) != NULL)
            warn(config, setting,
                "%s overlaps exempt_clients; a proxy needs no exemption, and "
                "its clients must not get one",
                text);
    }
}

static void warn_of_proof(struct config *config,
    const struct config_service *service, const struct section *section)
{
    const struct setting *setting = section_setting(section, "proof");

    if (!service->proxied)
        return;
    if (service->proof == SERVICE_PROOF_OFF)
        warn(config, setting,
            "whoever reaches this service's port can claim any client; only a "
            "packet filter keeps others than the proxies away");
    if (service->proof == SERVICE_PROOF_OPTIONAL)
        warn(config, setting,
            "a client that hides its address (by a RST in time) passes; "
            "\"required\" stops it");
}

static void warn_of_inet(struct config *config)
{
    const struct section *policyd =
        values_section(config->values, SECTION_POLICYD);
    const struct section *milter =
        values_section(config->values, SECTION_MILTER);

    if (config->wants_proof && config->requires_proof &&
        config_has_inet(config, "policy"))
        warn(config, section_setting(policyd, "listen"),
            "nothing can be proven over inet: requests for a service with "
            "proof = \"required\", or for none that is known, get 451");
    if (config->wants_proof && config->requires_proof &&
        strncmp(config->milter.listen, "inet:", 5) == 0)
        warn(config, section_setting(milter, "listen"),
            "nothing can be proven over inet: sessions of a service with "
            "proof = \"required\", or of none that is known, get 451");
}

/* For its port alone, which is another way to know it than its name, no service
 * makes the sessions of gates depend on what the kernel says. */
static bool asks_kernel(
    const struct config *config, const struct config_service *service)
{
    return service->wants_proof && service->pass_name == NULL &&
           (service->proxied || !config->has_gates);
}

bool build_proxies(struct config *config, struct error *err)
{
    for (size_t i = 0; i < config->service_count; i++) {
        struct config_service *service = &config->services[i];
        const struct section *section = build_service_section(config, service);
        split_proxies(service);
        split_frontends(service);
        if (!check_unproxied(service, section, err) ||
            !check_proxied(service, section, err))
            return false;
        service->wants_proof = service->proof != SERVICE_PROOF_OFF &&
                               (service->proxied || service->port != 0);
        config->wants_proof |= asks_kernel(config, service);
        config->judges_peers |= service->proxied || service->wants_proof;
        config->requires_proof |=
            service->proxied && service->proof == SERVICE_PROOF_REQUIRED;
        warn_of_nets(config, service, section);
        warn_of_proof(config, service, section);
    }
    warn_of_inet(config);
    return true;
}
