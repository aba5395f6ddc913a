/*
 * build_gates.c - gates, and the pass services that they hand clients to.
 *
 * Refuses a gate without a pass service, a pass service without a gate, and a
 * name that another door of Postfix may have too: a session under the name of a
 * pass service is taken for the gate's, so no other listener may bear it.
 *
 * Source: Postfix 3.7 and 3.10 master(5): a service of type inet is called
 * HOST:PORT or PORT, as a number or a name of services(5).
 */
#include "common/config/build.h"

#include "common/config/listen.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool is_gate(const struct config_listener *listener)
{
    return strcmp(listener->face, "gate") == 0;
}

static bool has_gate(const struct config *config, uint32_t port)
{
    for (size_t i = 0; i < config->policyd.listen.count; i++)
        if (is_gate(&config->policyd.listen.items[i]) &&
            config->policyd.listen.items[i].port == port)
            return true;
    return false;
}

/* Postfix's own master.cf has listeners of these names, and "smtpd" is where
 * postscreen hands its clients to. */
static bool may_be_another_door(const char *name)
{
    static const char *const doors[] = {
        "smtp", "smtps", "smtpd", "submission", "submissions"};

    for (size_t i = 0; i < COUNT(doors); i++)
        if (strcmp(name, doors[i]) == 0)
            return true;
    return strspn(name, "0123456789") == strlen(name) ||
           strpbrk(name, ":[].") != NULL;
}

static bool check_name(const struct config *config,
    const struct config_service *service, const struct section *section,
    struct error *err)
{
    const struct setting *setting = section_setting(section, "pass_to");
    const char *name = service->pass_name;

    if (may_be_another_door(name))
        return setting_refuse(setting, err,
            "a listener of Postfix may be called \"%s\" too; give the pass "
            "service a name of its own, as in /.../public/smtpd-gate",
            name);
    for (const struct config_service *other = config->services;
         other < config->services + config->service_count; other++)
        if (other != service && build_service_has_name(other, name))
            return setting_refuse(setting, err,
                "\"%s\" is a name of service \"%s\" too; each gate has a pass "
                "service of its own",
                name, other->title);
    return true;
}

static bool check_gated(const struct config *config,
    const struct config_service *service, const struct section *section,
    struct error *err)
{
    const struct setting *setting = section_setting(section, "pass_to");

    if (service->port == 0)
        return setting_refuse(
            setting, err, "needs port: the one that the gate listens at");
    if (!has_gate(config, service->port))
        return setting_refuse(setting, err,
            "there is no gate at port %u; add \"gate:inet:ADDRESS:%u\" to "
            "policyd.listen",
            (unsigned)service->port, (unsigned)service->port);
    if (!service->proxied)
        return setting_refuse(setting, err,
            "a gate is for clients of a proxy; set proxied = true and "
            "trusted_proxies");
    if (service->proof != SERVICE_PROOF_REQUIRED)
        return setting_refuse(section_setting(section, "proof"), err,
            "\"%s\" is not possible with pass_to: a gate knows each proxy; "
            "remove it",
            setting_text(section_setting(section, "proof")));
    return check_name(config, service, section, err);
}

/* Options that mean something at a gate only. */
static bool check_ungated(const struct section *section, struct error *err)
{
    static const char *const names[] = {"pass_timeout", "header_timeout",
        "tls_wrapper", "max_sessions_in_hand"};

    for (size_t i = 0; i < COUNT(names); i++) {
        const struct setting *setting = section_setting(section, names[i]);
        if (strcmp(setting_text(setting), setting->option->def) != 0)
            return setting_refuse(
                setting, err, "has no effect here; set pass_to, or remove it");
    }
    return true;
}

static bool check_listeners(const struct config *config, struct error *err)
{
    const struct section *policyd =
        values_section(config->values, SECTION_POLICYD);

    for (size_t i = 0; i < config->policyd.listen.count; i++) {
        const struct config_listener *listener =
            &config->policyd.listen.items[i];
        if (is_gate(listener) &&
            config_find_gate(config, listener->port) == NULL)
            return setting_refuse(section_setting(policyd, "listen"), err,
                "%s leads nowhere; add a service section with port = %u and "
                "pass_to",
                listener->text, (unsigned)listener->port);
    }
    return true;
}

bool build_gates(struct config *config, struct error *err)
{
    for (size_t i = 0; i < config->service_count; i++) {
        struct config_service *service = &config->services[i];
        if (service->pass_to[0] == '\0')
            continue;
        service->pass_name = strrchr(service->pass_to, '/') + 1;
        config->has_gates = true;
    }
    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        const struct section *section = build_service_section(config, service);
        if (service->pass_name != NULL
                ? !check_gated(config, service, section, err)
                : !check_ungated(section, err))
            return false;
    }
    return check_listeners(config, err);
}
