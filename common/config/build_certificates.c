/*
 * build_certificates.c - certificates from certificate sections.
 *
 * Reads no certificate: what is at a source changes while we run, and is
 * checked whenever it does. The title "auto" is replaced by the names that
 * mail containers are given in their environment.
 */
#include "common/config/build.h"

#include "common/base/alloc.h"
#include "common/config/certificate_source.h"
#include "common/config/option_types.h"
#include "common/config/verify_place.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AUTO_NAMES     4
#define NAME_LEN_MAX   253
#define HOST_NAME_SIZE 256

/* "mail.example.com" or "*.example.com", in any case; NULL: neither. The
 * caller frees it. */
static char *fold_name(const char *name)
{
    size_t len = strlen(name), labels = 1;
    size_t start = strncmp(name, "*.", 2) == 0 ? 2 : 0;
    if (len > NAME_LEN_MAX || len == start || name[len - 1] == '.')
        return NULL;
    char *folded = xstrdup(name);
    for (size_t i = start; i < len; i++) {
        bool is_dot = name[i] == '.';
        bool is_good = is_dot ? i > start && name[i - 1] != '.'
                              : isalnum((unsigned char)name[i]) ||
                                    strchr("-_", name[i]) != NULL;
        labels += is_dot;
        folded[i] = (char)tolower((unsigned char)name[i]);
        if (!is_good) {
            free(folded);
            return NULL;
        }
    }
    bool is_address = isdigit((unsigned char)*(strrchr(folded, '.') != NULL
                                                   ? strrchr(folded, '.') + 1
                                                   : folded)) != 0;
    if ((start == 0 || labels > 1) && !is_address)
        return folded;
    free(folded);
    return NULL;
}

static void add_auto_name(char **names, size_t *count, const char *value)
{
    char *name = value != NULL ? fold_name(value) : NULL;

    if (name != NULL)
        names[(*count)++] = name;
}

/* In the order in which docker-mailserver looks for them: its _setup_ssl asks
 * for SSL_DOMAIN, HOSTNAME and DOMAINNAME, and HOSTNAME there is the full name
 * where the container was given hostname and domainname apart. */
static void add_auto_names(char **names)
{
    const char *hostname = getenv("HOSTNAME"), *domain = getenv("DOMAINNAME");
    char host[HOST_NAME_SIZE] = "";
    size_t count = 0;

    (void)gethostname(host, sizeof host - 1);
    if (hostname == NULL)
        hostname = host;
    add_auto_name(names, &count, getenv("SSL_DOMAIN"));
    if (domain != NULL && strchr(hostname, '.') == NULL) {
        char *full = xprintf("%s.%s", hostname, domain);
        add_auto_name(names, &count, full);
        free(full);
    }
    add_auto_name(names, &count, hostname);
    add_auto_name(names, &count, domain);
}

static bool take_names(struct config_certificate *certificate,
    const struct section *section, struct error *err)
{
    certificate->names = xcalloc(AUTO_NAMES + 1, sizeof *certificate->names);
    if (strcmp(section->title, "auto") != 0)
        certificate->names[0] = fold_name(section->title);
    else
        add_auto_names(certificate->names);
    if (certificate->names[0] != NULL)
        return true;
    return section_refuse(section, err,
        "no such name; allowed: \"mail.example.com\", \"*.example.com\", or "
        "\"auto\" with SSL_DOMAIN, HOSTNAME or DOMAINNAME in the environment");
}

static void join(char **text, const char *more)
{
    char *both = xprintf("%s, %s", *text, more);

    free(*text);
    *text = both;
}

/* Each text has been checked by itself. */
static bool take_places(
    struct config_certificate *certificate, struct error *err)
{
    char *const *texts = certificate->verify_texts;
    size_t count = 0;

    while (texts[count] != NULL)
        count++;
    certificate->verify = xstrdup(count > 0 ? texts[0] : "");
    certificate->verify_places =
        xcalloc(count + 1, sizeof *certificate->verify_places);
    for (size_t i = 0; i < count; i++) {
        if (!verify_place_parse(texts[i],
                &certificate->verify_places[certificate->verify_count], err))
            return false;
        certificate->verify_count++;
        if (i > 0)
            join(&certificate->verify, texts[i]);
    }
    return true;
}

static bool take_sources(struct config_certificate *certificate,
    const struct section *section, struct error *err)
{
    char *const *texts = certificate->source_texts;
    size_t count = section_setting(section, "source")->count;

    if (count == 0)
        return section_refuse(section, err,
            "source: missing; allowed: traefik:FILE, certbot:DIR, "
            "pem:CERT,KEY, combined:FILE, k8s:DIR, caddy:DIR, "
            "acme-companion:DIR");
    certificate->sources = xcalloc(count, sizeof *certificate->sources);
    certificate->source = xstrdup(texts[0]);
    for (size_t i = 0; i < count; i++) {
        if (!certificate_source_parse(texts[i],
                &certificate->sources[certificate->source_count], err))
            return false;
        certificate->source_count++;
        if (i > 0)
            join(&certificate->source, texts[i]);
    }
    return true;
}

static bool check_outputs(const struct config_certificate *certificate,
    const struct section *section, struct error *err)
{
    if (certificate->on_change[0] != NULL &&
        certificate->on_change[0][0] != '/')
        return setting_refuse(section_setting(section, "on_change"), err,
            "\"%s\" is no absolute path; no shell looks for the command",
            certificate->on_change[0]);
    if (certificate->sni || certificate->default_chain[0] != '\0' ||
        certificate->on_change[0] != NULL)
        return true;
    return section_refuse(section, err,
        "goes nowhere; set sni = true, default_chain or on_change");
}

/* Two certificates cannot be in one file; a map may serve several. */
static bool check_twins(const struct config *config,
    const struct config_certificate *certificate, const struct section *section,
    struct error *err)
{
    for (const struct config_certificate *other = config->certificates;
         other != certificate; other++)
        if (certificate->default_chain[0] != '\0' &&
            strcmp(other->default_chain, certificate->default_chain) == 0)
            return setting_refuse(section_setting(section, "default_chain"),
                err, "certificate \"%s\" has this file too", other->title);
    return true;
}

static bool build_one(
    struct config *config, const struct section *section, struct error *err)
{
    struct config_certificate *certificate =
        &config->certificates[config->certificate_count++];
    certificate->title = xstrdup(section->title);
    build_store(section, certificate);
    return take_names(certificate, section, err) &&
           take_sources(certificate, section, err) &&
           take_places(certificate, err) &&
           check_outputs(certificate, section, err) &&
           check_twins(config, certificate, section, err);
}

bool build_certificates(struct config *config, struct error *err)
{
    const struct values *values = config->values;
    config->certificates = xcalloc(values->count, sizeof *config->certificates);
    for (size_t i = 0; i < values->count; i++)
        if (values->sections[i].kind == SECTION_CERTIFICATE &&
            !build_one(config, &values->sections[i], err))
            return false;
    return true;
}

void build_clear_certificates(struct config *config)
{
    const struct section *rows =
        values_section(config->values, SECTION_CERTIFICATE);
    for (size_t i = 0; i < config->certificate_count; i++) {
        struct config_certificate *certificate = &config->certificates[i];
        for (size_t row = 0; row < rows->count; row++)
            option_clear(rows->settings[row].option, certificate);
        for (size_t n = 0; n < AUTO_NAMES && certificate->names != NULL; n++)
            free(certificate->names[n]);
        free(certificate->names);
        for (size_t s = 0; s < certificate->source_count; s++)
            certificate_source_clear(&certificate->sources[s]);
        free(certificate->sources);
        free(certificate->source);
        for (size_t v = 0; v < certificate->verify_count; v++)
            verify_place_clear(&certificate->verify_places[v]);
        free(certificate->verify_places);
        free(certificate->verify);
        free(certificate->title);
    }
    free(config->certificates);
}
