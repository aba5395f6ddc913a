/*
 * build_services.c - service sections, listeners and the store's credentials.
 *
 * Looks only for what contradicts itself; nothing is opened or looked up.
 */
#include "common/config/build.h"

#include "common/base/memory.h"
#include "common/config/option_checks.h"
#include "common/config/redis_url.h"

#include <string.h>

static struct setting *top_setting(
    const struct config *config, const char *name)
{
    return section_setting(values_section(config->values, SECTION_TOP), name);
}

bool build_service_has_name(
    const struct config_service *service, const char *name)
{
    if (strcmp(service->title, name) == 0)
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
    return true;
}

/* AUTH with a user has two arguments. */
static bool check_user_alone(const struct config *config, struct error *err)
{
    struct redis_url url;
    bool has_user = config->store_username[0] != '\0';
    bool has_password = config->store_password[0] != '\0';

    if (strcmp(config->store, "memory:") == 0)
        return true;
    if (!redis_url_parse(config->store, &url, err))
        return false;
    has_user |= url.username != NULL;
    has_password |= url.password != NULL;
    redis_url_clear(&url);
    return !has_user || has_password ||
           setting_refuse(top_setting(config, "store"), err,
               "a user without a password; set store_password");
}

bool build_check_store(const struct config *config, struct error *err)
{
    size_t len;
    if (config->store_password[0] != '\0' &&
        option_find_password(config->store, &len) != NULL)
        return setting_refuse(top_setting(config, "store_password"), err,
            "the URL in store has a password too; give one of them");
    return check_user_alone(config, err);
}
