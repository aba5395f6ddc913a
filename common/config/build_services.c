/*
 * build_services.c - service sections and listeners.
 *
 * Looks only for what contradicts itself; nothing is opened or looked up.
 */
#include "common/config/build.h"

#include "common/base/alloc.h"

#include <string.h>

const struct section *build_service_section(
    const struct config *config, const struct config_service *service)
{
    for (size_t i = 0; i < config->values->count; i++) {
        const struct section *section = &config->values->sections[i];
        if (section->kind == SECTION_SERVICE &&
            strcmp(section->title, service->title) == 0)
            return section;
    }
    return NULL;
}

bool build_service_has_name(
    const struct config_service *service, const char *name)
{
    if (strcmp(service->title, name) == 0 ||
        config_is_behind_gate(service, name))
        return true;
    for (char **other = service->names; *other != NULL; other++)
        if (strcmp(*other, name) == 0)
            return true;
    return false;
}

/* Of the services before this one; NULL: the name is free. */
static const struct config_service *owner_of(
    const struct config *config, const char *name)
{
    for (size_t i = 0; i + 1 < config->service_count; i++)
        if (build_service_has_name(&config->services[i], name))
            return &config->services[i];
    return NULL;
}

static bool port_is_free(const struct config *config,
    const struct config_service *service, const struct section *section,
    struct error *err)
{
    for (size_t i = 0; i + 1 < config->service_count; i++)
        if (service->port != 0 && config->services[i].port == service->port)
            return setting_refuse(section_setting(section, "port"), err,
                "service \"%s\" has port %u too; a port belongs to one service",
                config->services[i].title, (unsigned)service->port);
    return true;
}

static bool names_are_free(const struct config *config,
    const struct config_service *service, const struct section *section,
    struct error *err)
{
    const struct config_service *owner = owner_of(config, service->title);
    if (owner != NULL)
        return section_refuse(section, err,
            "service \"%s\" has this name too; a name belongs to one service",
            owner->title);
    for (char **name = service->names; *name != NULL; name++)
        if ((owner = owner_of(config, *name)) != NULL)
            return setting_refuse(section_setting(section, "names"), err,
                "\"%s\" is a name of service \"%s\" too; a name belongs to one "
                "service",
                *name, owner->title);
    return true;
}

bool build_services(struct config *config, struct error *err)
{
    const struct values *values = config->values;
    config->services = xcalloc(values->count, sizeof *config->services);
    for (size_t i = 0; i < values->count; i++) {
        const struct section *section = &values->sections[i];
        if (section->kind != SECTION_SERVICE)
            continue;
        struct config_service *service =
            &config->services[config->service_count++];
        service->title = xstrdup(section->title);
        build_store(section, service);
        if (!names_are_free(config, service, section, err) ||
            !port_is_free(config, service, section, err))
            return false;
    }
    return true;
}

static bool is_same_place(
    const struct config_listener *a, const struct config_listener *b)
{
    if (a->is_inet != b->is_inet)
        return false;
    if (a->is_inet)
        return a->port == b->port && strcmp(a->host, b->host) == 0;
    return strcmp(a->path, b->path) == 0;
}

/* Where a daemon listens for tollgatectl, nobody else can. */
static bool check_control(const struct config *config, struct error *err)
{
    const char *path = config->policyd.control;
    const struct section *policyd =
        values_section(config->values, SECTION_POLICYD);
    const struct config_listeners *listen = &config->policyd.listen;

    if (path[0] == '\0')
        return true;
    if (strcmp(path, config->milter.control) == 0)
        return setting_refuse(section_setting(policyd, "control"), err,
            "\"%s\" is milter.control too; each daemon has its own", path);
    for (size_t i = 0; i < listen->count; i++)
        if (!listen->items[i].is_inet &&
            strcmp(listen->items[i].path, path) == 0)
            return setting_refuse(section_setting(policyd, "control"), err,
                "\"%s\" is in policyd.listen too; a socket has one face", path);
    return true;
}

bool build_check_sockets(const struct config *config, struct error *err)
{
    const struct config_listeners *listen = &config->policyd.listen;
    const struct section *policyd =
        values_section(config->values, SECTION_POLICYD);
    for (size_t i = 0; i < listen->count; i++)
        for (size_t j = 0; j < i; j++)
            if (is_same_place(&listen->items[i], &listen->items[j]))
                return setting_refuse(section_setting(policyd, "listen"), err,
                    "%s and %s at one place; a socket has one face",
                    listen->items[j].text, listen->items[i].text);
    return check_control(config, err);
}
