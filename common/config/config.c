/*
 * config.c - loads a snapshot, and lets go of it.
 *
 * Loading: defaults, file, environment, -o; then the fields from the values,
 * then what is made of them. Any step that fails frees everything, and the
 * caller's old snapshot stays as it was.
 */
#include "common/config/config.h"

#include "common/base/alloc.h"
#include "common/config/build.h"
#include "common/config/option_types.h"
#include "common/config/show.h"
#include "common/config/sources.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PATH SYSCONFDIR "/tollgate/tollgate.conf"

static bool read_sources(struct config *config,
    const struct config_source *source, struct error *err)
{
    const char *path = source->path;
    if (path == NULL && access(DEFAULT_PATH, F_OK) == 0)
        path = DEFAULT_PATH;
    if (path != NULL) {
        config->path = xstrdup(path);
        if (!source_read_file(path, config->values, err))
            return false;
    }
    if (!source_read_environment(config->values, err))
        return false;
    for (size_t i = 0; i < source->override_count; i++)
        if (!source_read_override(source->overrides[i], config->values, err))
            return false;
    return true;
}

void build_store(const struct section *section, void *base)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct setting *setting = &section->settings[i];
        option_store(setting->option, setting->items, setting->count, base);
    }
}

void build_warn(struct config *config, const char *format, ...)
{
    struct error warning;
    va_list args;

    va_start(args, format);
    if (vsnprintf(warning.text, sizeof warning.text, format, args) < 0)
        warning.text[0] = '\0';
    va_end(args);
    config->warnings = xrealloc(config->warnings,
        (config->warning_count + 1) * sizeof *config->warnings);
    config->warnings[config->warning_count++] = xstrdup(warning.text);
}

static void warn_of_files(struct config *config)
{
    const struct values *values = config->values;

    for (size_t i = 0; i < values->file_count; i++)
        if (!values->files[i].is_ended)
            build_warn(config,
                "%s: the last line does not end in a newline; is the file "
                "whole?",
                values->files[i].path);
}

extern char **environ;

static void warn_of_environment(struct config *config)
{
    char name[VARIABLE_SIZE], meant[VARIABLE_SIZE];

    for (char **variable = environ; *variable != NULL; variable++)
        if (source_look_at_variable(config->values, *variable, name, meant))
            build_warn(config,
                "environment %s: no such option, it does nothing; did you "
                "mean %s?",
                name, meant);
}

static void name_instance(struct config *config)
{
    char host[256];
    if (config->instance_name[0] != '\0' || gethostname(host, sizeof host) != 0)
        return;
    host[sizeof host - 1] = '\0';
    free(config->instance_name);
    config->instance_name = xstrdup(host);
}

static bool build(struct config *config, struct error *err)
{
    build_store(values_section(config->values, SECTION_TOP), config);
    build_store(values_section(config->values, SECTION_POLICYD), config);
    build_store(values_section(config->values, SECTION_MILTER), config);
    name_instance(config);
    config->prefixes.recipient_delimiter = config->recipient_delimiter;
    warn_of_files(config);
    warn_of_environment(config);
    return build_check_store(config, err) && build_check_nat64(config, err) &&
           build_check_sockets(config, err) && build_services(config, err) &&
           build_gates(config, err) && build_proxies(config, err) &&
           build_time_zone(config, err) && build_client_limits(config, err) &&
           build_section_limits(config, err) && build_feeds(config, err) &&
           build_certificates(config, err);
}

struct config *config_load(
    const struct config_source *source, struct error *err)
{
    struct config *config = xcalloc(1, sizeof *config);
    config->references = 1;
    config->values = values_new();
    if (!read_sources(config, source, err) || !build(config, err))
        config_unref(&config);
    else
        show_hash(config, config->hash);
    return config;
}

struct config *config_ref(struct config *config)
{
    config->references++;
    return config;
}

static void clear_section(
    const struct config *config, enum option_section section, void *base)
{
    const struct section *rows = values_section(config->values, section);
    for (size_t i = 0; rows != NULL && i < rows->count; i++)
        option_clear(rows->settings[i].option, base);
}

static void config_free(struct config *config)
{
    clear_section(config, SECTION_TOP, config);
    clear_section(config, SECTION_POLICYD, config);
    clear_section(config, SECTION_MILTER, config);
    for (size_t i = 0; i < config->service_count; i++) {
        build_clear_proxies(&config->services[i]);
        free(config->services[i].title);
        clear_section(config, SECTION_SERVICE, &config->services[i]);
    }
    for (size_t i = 0; i < config->warning_count; i++)
        free(config->warnings[i]);
    free(config->warnings);
    free(config->services);
    time_zone_free(&config->zone);
    build_clear_certificates(config);
    for (unsigned face = 0; face < FACES; face++)
        for (unsigned event = 0; event < EVENT_KINDS; event++)
            free(config->feeds[face][event].limits);
    for (size_t i = 0; i < config->limit_count; i++)
        limit_clear(&config->limits[i]);
    free(config->limits);
    build_clear_names(config);
    free(config->path);
    values_free(&config->values);
    free(config);
}

void config_unref(struct config **config)
{
    if (*config == NULL)
        return;
    assert((*config)->references > 0);
    if (--(*config)->references == 0)
        config_free(*config);
    *config = NULL;
}

const struct config_service *config_find_service(
    const struct config *config, const char *name, uint16_t port)
{
    const struct config_service *named = NULL;

    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        if (port != 0 && service->port == port)
            return service;
        bool may_be = port == 0 || service->port == 0;
        if (named == NULL && may_be && build_service_has_name(service, name))
            named = service;
    }
    return named;
}

const struct config_service *config_find_gate(
    const struct config *config, uint16_t port)
{
    for (size_t i = 0; i < config->service_count; i++)
        if (config->services[i].pass_name != NULL &&
            config->services[i].port == port)
            return &config->services[i];
    return NULL;
}

bool config_is_behind_gate(
    const struct config_service *service, const char *name)
{
    return service->pass_name != NULL && strcmp(service->pass_name, name) == 0;
}

bool config_has_inet(const struct config *config, const char *face)
{
    for (size_t i = 0; i < config->policyd.listen.count; i++)
        if (config->policyd.listen.items[i].is_inet &&
            strcmp(config->policyd.listen.items[i].face, face) == 0)
            return true;
    return false;
}

const char *config_service_title(const struct config *config, const char *name)
{
    const struct config_service *service = config_find_service(config, name, 0);

    return service != NULL ? service->title : name;
}
