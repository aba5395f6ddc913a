/*
 * postfix_config.c - main.cf and master.cf, as postconf tells them.
 *
 * What a service's -o means for another parameter that refers to it, only
 * Postfix knows. So postconf is run once for each such service, with its -o.
 */
#include "ctl/postfix_config.h"

#include "common/base/alloc.h"
#include "common/base/program.h"
#include "ctl/postfix_expand.h"
#include "ctl/postfix_told.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/* It pauses for a second or two where a file was changed just now. */
#define POSTCONF_TIME_MS 20000

/* "NAME/TYPE/LAST": NAME may hold slashes, TYPE and LAST do not. */
static bool split_path(
    const char *path, char **name_r, char **type_r, const char **last_r)
{
    const char *last = strrchr(path, '/');
    const char *type = last;

    while (type != NULL && type > path && type[-1] != '/')
        type--;
    if (last == NULL || type - path < 2)
        return false;
    *name_r = xprintf("%.*s", (int)(type - 1 - path), path);
    *type_r = xprintf("%.*s", (int)(last - type), type);
    *last_r = last + 1;
    return true;
}

static struct postfix_service *find_service(
    const struct postfix_config *config, const char *name, const char *type)
{
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->services[i].name, name) == 0 &&
            strcmp(config->services[i].type, type) == 0)
            return &config->services[i];
    return NULL;
}

static struct postfix_service *add_service(
    struct postfix_config *config, const char *name, const char *type)
{
    config->services = xrealloc(
        config->services, (config->count + 1) * sizeof *config->services);
    struct postfix_service *service = &config->services[config->count++];
    *service = (struct postfix_service){
        .name = xstrdup(name), .type = xstrdup(type), .program = xstrdup("")};
    return service;
}

/* Each line goes to the service that it names. */
static void distribute(
    struct postfix_config *config, const char *text, bool is_override)
{
    struct postfix_parameters lines;
    char *name, *type;
    const char *last;

    postfix_parameters_parse(text, &lines);
    for (size_t i = 0; i < lines.count; i++) {
        if (!split_path(lines.items[i].name, &name, &type, &last))
            continue;
        struct postfix_service *service = find_service(config, name, type);
        if (service == NULL && !is_override)
            service = add_service(config, name, type);
        if (service != NULL)
            postfix_parameters_set(
                is_override ? &service->overrides : &service->fields, last,
                lines.items[i].value);
        free(name);
        free(type);
    }
    postfix_parameters_clear(&lines);
}

static bool is_chrooted(
    const struct postfix_config *config, const struct postfix_service *service)
{
    const char *field = postfix_parameters_find(&service->fields, "chroot");

    if (field != NULL && *field != '-')
        return *field == 'y';
    /* Postfix 3.0 changed what "-" means, for who says so. */
    return strtoul(postfix_config_value(config, "compatibility_level"), NULL,
               10) < 1;
}

/* "inet", "anvil/unix", "!smtp/inet"; the first that fits decides. */
static bool is_disabled(
    const struct postfix_list *disabled, const struct postfix_service *service)
{
    char *full = xprintf("%s/%s", service->name, service->type);
    bool answer = false;

    for (size_t i = 0; i < disabled->count; i++) {
        const char *word = disabled->words[i];
        bool is_not = *word == '!';
        word += is_not;
        if (strcmp(word, full) == 0 || strcmp(word, service->type) == 0) {
            answer = !is_not;
            break;
        }
    }
    free(full);
    return answer;
}

/* "lmtp=24, smtps=submissions=465": since Postfix 3.6. */
static uint16_t known_port(const char *known, const char *name)
{
    struct postfix_list list;
    uint16_t port = 0;
    size_t len = strlen(name);

    postfix_list_parse(known, &list);
    for (size_t i = 0; i < list.count && port == 0; i++)
        for (const char *at = list.words[i]; at != NULL;
             at = strchr(at, '=') == NULL ? NULL : strchr(at, '=') + 1)
            if (strncmp(at, name, len) == 0 && at[len] == '=')
                port = (uint16_t)strtoul(
                    strrchr(list.words[i], '=') + 1, NULL, 10);
    postfix_list_clear(&list);
    return port;
}

uint16_t postfix_config_port(
    const struct postfix_config *config, const char *name)
{
    const char *colon = strrchr(name, ':');
    const char *port = colon == NULL ? name : colon + 1;
    char *end;
    unsigned long number = strtoul(port, &end, 10);

    if (*port != '\0' && *end == '\0')
        return number <= 65535 ? (uint16_t)number : 0;
    uint16_t known =
        known_port(postfix_config_value(config, "known_tcp_ports"), port);
    if (known != 0)
        return known;
    const struct servent *service = getservbyname(port, "tcp");
    return service == NULL ? 0 : ntohs((uint16_t)service->s_port);
}

static void complete_service(const struct postfix_config *config,
    const struct postfix_list *disabled, struct postfix_service *service)
{
    const char *command = postfix_parameters_find(&service->fields, "command");

    if (command != NULL) {
        free(service->program);
        service->program =
            xprintf("%.*s", (int)strcspn(command, " \t"), command);
    }
    service->is_chrooted = is_chrooted(config, service);
    service->is_disabled = is_disabled(disabled, service);
    service->is_server = !service->is_disabled &&
                         (strcmp(service->program, "smtpd") == 0 ||
                             strcmp(service->program, "postscreen") == 0);
    service->is_listener =
        service->is_server && strcmp(service->type, "inet") == 0;
    if (service->is_listener)
        service->port = postfix_config_port(config, service->name);
}

void postfix_config_read_services(
    struct postfix_config *config, const char *fields, const char *overrides)
{
    struct postfix_list disabled;

    distribute(config, fields, false);
    distribute(config, overrides, true);
    postfix_list_parse(
        postfix_config_value(config, "master_service_disable"), &disabled);
    for (size_t i = 0; i < config->count; i++)
        complete_service(config, &disabled, &config->services[i]);
    postfix_list_clear(&disabled);
}

/* options: -o NAME=VALUE each, or none. */
static char *run_postconf(const struct postfix_config *config, const char *flag,
    const struct postfix_parameters *options, struct error *err)
{
    size_t count = 0, option_count = options == NULL ? 0 : options->count;
    const char **argv = xcalloc(5 + 2 * option_count, sizeof *argv);
    char **texts = xcalloc(option_count + 1, sizeof *texts);
    char *output;

    argv[count++] = "postconf";
    if (config->directory != NULL) {
        argv[count++] = "-c";
        argv[count++] = config->directory;
    }
    argv[count++] = flag;
    for (size_t i = 0; i < option_count; i++) {
        texts[i] =
            xprintf("%s=%s", options->items[i].name, options->items[i].value);
        argv[count++] = "-o";
        argv[count++] = texts[i];
    }
    bool is_well = program_read(argv, POSTCONF_TIME_MS, &output, err);
    for (size_t i = 0; i < option_count; i++)
        free(texts[i]);
    free(texts);
    free(argv);
    return is_well ? output : NULL;
}

static bool read_parameters(struct postfix_config *config,
    const struct postfix_parameters *options,
    struct postfix_parameters *parameters_r, struct error *err)
{
    if (config->told != NULL) {
        config->is_unsure |= !postfix_expand(
            &config->told->raw, &config->told->expanded, options, parameters_r);
        return true;
    }
    char *text = run_postconf(config, "-x", options, err);

    if (text == NULL)
        return false;
    postfix_parameters_parse(text, parameters_r);
    free(text);
    return true;
}

const struct postfix_service *postfix_config_passed(
    const struct postfix_config *config,
    const struct postfix_service *postscreen)
{
    const char *name =
        postfix_parameters_find(&postscreen->in_force, "smtpd_service_name");

    return name == NULL ? NULL : find_service(config, name, "pass");
}

/* What the smtpd behind a postscreen says goes for the postscreen too. */
static bool look_behind(struct postfix_config *config,
    struct postfix_service *service, struct error *err)
{
    const struct postfix_service *passed =
        strcmp(service->program, "postscreen") == 0
            ? postfix_config_passed(config, service)
            : NULL;

    if (passed == NULL || passed->overrides.count == 0)
        return true;
    for (size_t i = 0; i < passed->overrides.count; i++) {
        const struct postfix_parameter *set = &passed->overrides.items[i];
        if (strncmp(set->name, "postscreen_", 11) != 0)
            postfix_parameters_set(&service->overrides, set->name, set->value);
    }
    postfix_parameters_clear(&service->in_force);
    return read_parameters(
        config, &service->overrides, &service->in_force, err);
}

static bool read_server(struct postfix_config *config,
    struct postfix_service *service, struct error *err)
{
    return read_parameters(
               config, &service->overrides, &service->in_force, err) &&
           look_behind(config, service, err);
}

static bool read_servers(struct postfix_config *config, struct error *err)
{
    for (size_t i = 0; i < config->count; i++)
        if (config->services[i].is_server &&
            !read_server(config, &config->services[i], err))
            return false;
    return true;
}

static bool read_services(struct postfix_config *config, struct error *err)
{
    char *fields = run_postconf(config, "-F", NULL, err);
    char *overrides =
        fields == NULL ? NULL : run_postconf(config, "-P", NULL, err);
    bool is_well = overrides != NULL;

    if (is_well)
        postfix_config_read_services(config, fields, overrides);
    free(fields);
    free(overrides);
    return is_well && read_servers(config, err);
}

struct postfix_config *postfix_config_load(
    const char *directory, struct error *err)
{
    struct postfix_config *config = xcalloc(1, sizeof *config);

    config->directory = directory == NULL ? NULL : xstrdup(directory);
    if (!read_parameters(config, NULL, &config->main, err) ||
        !read_services(config, err) ||
        (config->map_types = run_postconf(config, "-m", NULL, err)) == NULL)
        postfix_config_free(&config);
    return config;
}

struct postfix_config *postfix_config_read(FILE *in, struct error *err)
{
    struct postfix_config *config = xcalloc(1, sizeof *config);

    config->told = xcalloc(1, sizeof *config->told);
    if (!postfix_told_read(in, config->told, err) ||
        !read_parameters(config, NULL, &config->main, err)) {
        postfix_config_free(&config);
        return NULL;
    }
    config->map_types = xstrdup(config->told->map_types);
    postfix_config_read_services(
        config, config->told->fields, config->told->overrides);
    if (!read_servers(config, err))
        postfix_config_free(&config);
    return config;
}

void postfix_config_free(struct postfix_config **config)
{
    if (*config == NULL)
        return;
    for (size_t i = 0; i < (*config)->count; i++) {
        struct postfix_service *service = &(*config)->services[i];
        free(service->name);
        free(service->type);
        free(service->program);
        postfix_parameters_clear(&service->fields);
        postfix_parameters_clear(&service->overrides);
        postfix_parameters_clear(&service->in_force);
    }
    free((*config)->services);
    postfix_parameters_clear(&(*config)->main);
    free((*config)->directory);
    free((*config)->map_types);
    if ((*config)->told != NULL)
        postfix_told_clear((*config)->told);
    free((*config)->told);
    free(*config);
    *config = NULL;
}

const struct postfix_service *postfix_config_service(
    const struct postfix_config *config, const char *name, const char *type)
{
    return find_service(config, name, type);
}

const char *postfix_config_value(
    const struct postfix_config *config, const char *name)
{
    const char *value = postfix_parameters_find(&config->main, name);

    return value == NULL ? "" : value;
}
