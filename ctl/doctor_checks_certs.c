/*
 * doctor_checks_certs.c - do renewed certificates get to smtpd?
 *
 * For certificate sections of tollgate.conf only. main.cf counts, and the -o
 * of listeners that set one of the parameters for themselves.
 */
#include "ctl/doctor_checks.h"

#include "common/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_path(const char *value, const char *path)
{
    struct postfix_list list;
    bool is_there = false;

    postfix_list_parse(value, &list);
    for (size_t i = 0; i < list.count; i++)
        is_there |= endpoint_same_path(list.words[i], path);
    postfix_list_clear(&list);
    return is_there;
}

static bool has_word(const char *value, const char *word)
{
    struct postfix_list list;

    postfix_list_parse(value, &list);
    bool is_there = postfix_list_has(&list, word);
    postfix_list_clear(&list);
    return is_there;
}

static void add_word(struct postfix_list *list, const char *word)
{
    if (!postfix_list_has(list, word))
        postfix_list_insert(list, list->count, xstrdup(word));
}

/* All that sections of tollgate.conf want in that parameter. */
static void each_default_chain(
    const struct doctor *doctor, struct postfix_list *list)
{
    for (size_t i = 0; i < doctor->config->certificate_count; i++)
        if (doctor->config->certificates[i].default_chain[0] != '\0')
            add_word(list, doctor->config->certificates[i].default_chain);
}

static void each_refresh_map(
    const struct doctor *doctor, struct postfix_list *list)
{
    for (size_t i = 0; i < doctor->config->certificate_count; i++) {
        const char *map = doctor->config->certificates[i].refresh_map;
        size_t len = strlen(map);
        if (len < 4 || strcmp(map + len - 4, ".cdb") != 0)
            continue;
        char *word = xprintf("cdb:%.*s", (int)(len - 4), map);
        add_word(list, word);
        free(word);
    }
}

static bool has_all(const char *value, const struct postfix_list *wanted,
    bool (*has)(const char *value, const char *word))
{
    for (size_t i = 0; i < wanted->count; i++)
        if (!has(value, wanted->words[i]))
            return false;
    return true;
}

/* What the finding says, and mends, in main.cf and at listeners of their own
 * mind. is_kept: what is there already stays before ours. */
static void check_parameter(struct doctor *doctor, const char *name,
    const struct postfix_list *wanted, bool is_kept,
    bool (*has)(const char *, const char *))
{
    const char *value = postfix_config_value(doctor->postfix, name);
    struct postfix_list mended;

    if (wanted->count == 0)
        return;
    postfix_list_parse(is_kept ? value : "", &mended);
    for (size_t i = 0; i < wanted->count; i++)
        add_word(&mended, wanted->words[i]);
    char *text = postfix_list_join(&mended, ",");
    if (!has_all(value, wanted, has))
        mend_main(doctor, doctor_add(doctor, "main.cf", "%s = %s", name, value),
            name, text);
    for (size_t i = 0; i < doctor->count; i++) {
        const struct doctor_listener *listener = &doctor->listeners[i];
        const char *own =
            postfix_parameters_find(&listener->speaker->overrides, name);
        if (own != NULL && !has_all(doctor_value(listener, name), wanted, has))
            mend_listener(doctor,
                doctor_add_at(doctor, listener, "%s = %s", name, own), listener,
                name, text);
    }
    free(text);
    postfix_list_clear(&mended);
}

void check_default_chain(struct doctor *doctor)
{
    struct postfix_list wanted;

    postfix_list_parse("", &wanted);
    each_default_chain(doctor, &wanted);
    check_parameter(doctor, "smtpd_tls_chain_files", &wanted, false, has_path);
    postfix_list_clear(&wanted);
}

static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);

    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n')
        if (strncmp(text, line, len) == 0 && strcspn(text, "\n") == len)
            return true;
    return false;
}

void check_refresh_map(struct doctor *doctor)
{
    struct postfix_list wanted;

    postfix_list_parse("", &wanted);
    each_refresh_map(doctor, &wanted);
    check_parameter(doctor, "smtpd_milter_maps", &wanted, true, has_word);
    if (wanted.count > 0 && !has_line(doctor->postfix->map_types, "cdb"))
        doctor_advise(
            doctor_add(doctor, "main.cf", "this Postfix cannot read cdb"),
            "apt-get install postfix-cdb");
    postfix_list_clear(&wanted);
}

static bool wants_sni(const struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->config->certificate_count; i++)
        if (doctor->config->certificates[i].sni)
            return doctor_listen(doctor, "sni") != NULL;
    return false;
}

/* Some smtpd that would look for it is chrooted. */
static const struct postfix_service *jailed_service(const struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->count; i++)
        if (doctor->listeners[i].speaker->is_chrooted)
            return doctor->listeners[i].speaker;
    return NULL;
}

/* "socketmap:unix:tollgate/sni:sni" */
static enum endpoint_relation relate_map(
    const struct doctor *doctor, const char *word)
{
    enum endpoint_relation relation = ENDPOINT_OTHER;

    if (strncmp(word, "socketmap:", 10) != 0)
        return ENDPOINT_OTHER;
    const char *name = strrchr(word, ':');
    char *endpoint = xprintf(
        "%.*s", (int)(name > word + 10 ? name - word - 10 : 0), word + 10);
    (void)endpoint_find(
        doctor, jailed_service(doctor), endpoint, "sni", &relation);
    free(endpoint);
    return relation;
}

static void mend_sni_map(struct doctor *doctor, const char *name,
    const char *value, struct postfix_list *list)
{
    const struct config_listener *sni = doctor_listen(doctor, "sni");
    struct doctor_finding *finding =
        doctor_add(doctor, "main.cf", "%s = %s", name, value);

    if (jailed_service(doctor) != NULL && !endpoint_is_in_queue(doctor, sni)) {
        doctor_advise(finding,
            "tollgate.conf: policyd.listen with \"sni:unix:%s/tollgate/sni\", "
            "where a chrooted smtpd gets at it; then ask again",
            postfix_config_value(doctor->postfix, "queue_directory"));
        return;
    }
    char *endpoint = endpoint_text(doctor, sni);
    postfix_list_insert(list, 0, xprintf("socketmap:%s:sni", endpoint));
    char *text = postfix_list_join(list, ",");
    mend_main(doctor, finding, name, text);
    free(text);
    free(endpoint);
}

/* A map that cannot be reached fails the handshake, so that one must go. */
void check_sni_map(struct doctor *doctor)
{
    static const char name[] = "tls_server_sni_maps";
    const char *value = postfix_config_value(doctor->postfix, name);
    struct postfix_list list;
    bool is_asked = false, is_jailed = false;

    if (!wants_sni(doctor))
        return;
    postfix_list_parse(value, &list);
    for (size_t i = list.count; i-- > 0;) {
        enum endpoint_relation relation = relate_map(doctor, list.words[i]);
        is_asked |= relation == ENDPOINT_OURS;
        is_jailed |= relation == ENDPOINT_JAILED;
        if (relation != ENDPOINT_OTHER)
            postfix_list_remove(&list, i);
    }
    if (!is_asked || is_jailed)
        mend_sni_map(doctor, name, value, &list);
    postfix_list_clear(&list);
}

void check_tlsproxy(struct doctor *doctor)
{
    const struct doctor_listener *found = NULL;

    for (size_t i = 0; i < doctor->count; i++) {
        const struct doctor_listener *listener = &doctor->listeners[i];
        const char *level = postfix_parameters_find(
            &listener->service->in_force, "postscreen_tls_security_level");
        /* One with a PROXY header is to go anyway. */
        if (listener->is_postscreen && !listener->has_header && level != NULL &&
            *level != '\0' && strcmp(level, "none") != 0)
            found = listener;
    }
    for (size_t i = 0; found != NULL && i < doctor->config->certificate_count;
         i++) {
        const struct config_certificate *certificate =
            &doctor->config->certificates[i];
        if (certificate->default_chain[0] != '\0' &&
            certificate->on_change[0] == NULL)
            doctor_advise(
                doctor_add(doctor, found->service->name,
                    "certificate \"%s\" has no on_change", certificate->title),
                "tollgate.conf: on_change = "
                "{ \"/usr/sbin/postfix\", \"reload\" }");
    }
}
