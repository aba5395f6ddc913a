/*
 * doctor_checks_milter.c - where Postfix asks tollgate-milter, and where it
 * should not.
 */
#include "ctl/doctor_checks.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_on(const struct doctor *doctor)
{
    return doctor->milter.path != NULL || doctor->milter.is_inet;
}

static enum endpoint_relation relate(const struct doctor *doctor,
    const struct postfix_service *service, const char *word,
    struct postfix_entry *entry_r)
{
    postfix_entry_parse(word, entry_r);
    return endpoint_relate(doctor, service, entry_r->endpoint, &doctor->milter);
}

/* A list of milters, and where ours stands in it; its count: not there. */
struct milters {
    struct postfix_list list;
    struct postfix_entry entry; /* ours */
    enum endpoint_relation relation;
    size_t index;
};

static void milters_parse(const struct doctor *doctor,
    const struct postfix_service *service, const char *value,
    struct milters *milters)
{
    *milters = (struct milters){.relation = ENDPOINT_OTHER};
    postfix_list_parse(value, &milters->list);
    for (; is_on(doctor) && milters->index < milters->list.count;
         milters->index++) {
        milters->relation = relate(doctor, service,
            milters->list.words[milters->index], &milters->entry);
        if (milters->relation != ENDPOINT_OTHER)
            return;
        postfix_entry_clear(&milters->entry);
    }
    milters->index = milters->list.count;
}

static void milters_clear(struct milters *milters)
{
    postfix_entry_clear(&milters->entry);
    postfix_list_clear(&milters->list);
}

bool doctor_names_milter(const struct doctor *doctor,
    const struct postfix_service *service, const char *value)
{
    struct milters milters;

    milters_parse(doctor, service, value, &milters);
    bool is_named = milters.index < milters.list.count;
    milters_clear(&milters);
    return is_named;
}

/* With ours among them, in the form that refuses while it is away. */
static void mend_milters(struct doctor *doctor, struct doctor_finding *finding,
    const struct doctor_listener *listener, struct postfix_list *list,
    size_t index)
{
    char *endpoint = endpoint_text(doctor, &doctor->milter);

    if (index < list->count)
        postfix_list_remove(list, index);
    postfix_list_insert(
        list, index, xprintf("{%s,default_action=tempfail}", endpoint));
    for (size_t i = 0; i < list->count; i++)
        for (char *at = list->words[i]; *at != '\0'; at++)
            if (strchr("\t\r\n", *at) != NULL)
                *at = ' ';
    char *value = postfix_list_join(list, ",");
    mend_listener(doctor, finding, listener, "smtpd_milters", value);
    free(value);
    free(endpoint);
}

/* Nothing else would prove who is at the other end. */
static bool is_only_proof(
    const struct doctor *doctor, const struct doctor_listener *listener)
{
    return listener->wants_proof && !doctor->opens_anvil &&
           !doctor->opens_policy;
}

void check_milter_missing(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    struct postfix_list list;

    if (!is_on(doctor) || (!doctor_has_limits(doctor, listener, FACE_MILTER) &&
                              !is_only_proof(doctor, listener)))
        return;
    const char *value = doctor_value(listener, "smtpd_milters");
    if (doctor_names_milter(doctor, listener->speaker, value))
        return;
    postfix_list_parse(value, &list);
    mend_milters(doctor,
        doctor_add_at(doctor, listener, "smtpd_milters = %s", value), listener,
        &list, list.count);
    postfix_list_clear(&list);
}

void doctor_mend_without_milter(struct doctor *doctor,
    struct doctor_finding *finding, const struct doctor_listener *listener)
{
    struct milters milters;

    milters_parse(doctor, listener->speaker,
        doctor_value(listener, "smtpd_milters"), &milters);
    if (milters.index < milters.list.count)
        postfix_list_remove(&milters.list, milters.index);
    char *value = postfix_list_join(&milters.list, ",");
    mend_listener(doctor, finding, listener, "smtpd_milters", value);
    free(value);
    milters_clear(&milters);
}

static const char *effective_action(
    const struct doctor_listener *listener, const struct postfix_entry *entry)
{
    const char *own =
        postfix_parameters_find(&entry->attributes, "default_action");

    return own != NULL ? own : doctor_value(listener, "milter_default_action");
}

void check_milter_action(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    struct milters milters;

    milters_parse(doctor, listener->speaker,
        doctor_value(listener, "smtpd_milters"), &milters);
    const char *action = effective_action(listener, &milters.entry);
    if (milters.index < milters.list.count &&
        (strcasecmp(action, "accept") == 0 ||
            strcasecmp(action, "quarantine") == 0))
        mend_milters(doctor,
            doctor_add_at(doctor, listener, "its default_action is %s", action),
            listener, &milters.list, milters.index);
    milters_clear(&milters);
}

void check_milter_inet(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    const char *value = doctor_value(listener, "smtpd_milters");

    if (!doctor->milter.is_inet || !listener->wants_proof ||
        listener->section->proof != SERVICE_PROOF_REQUIRED ||
        !doctor_names_milter(doctor, listener->speaker, value))
        return;
    doctor_advise(doctor_add_at(doctor, listener, "smtpd_milters = %s", value),
        "tollgate.conf: milter.listen = \"unix:%s/tollgate-milter/milter\"; "
        "then ask again",
        postfix_config_value(doctor->postfix, "queue_directory"));
}

void check_milter_jail(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    struct milters milters;

    milters_parse(doctor, listener->speaker,
        doctor_value(listener, "smtpd_milters"), &milters);
    if (milters.relation == ENDPOINT_JAILED &&
        endpoint_is_in_queue(doctor, &doctor->milter))
        mend_milters(doctor,
            doctor_add_at(doctor, listener, "%s is looked for below the chroot",
                milters.entry.endpoint),
            listener, &milters.list, milters.index);
    milters_clear(&milters);
}

static bool is_refresh_map(const struct doctor *doctor, const char *word)
{
    const char *colon = strchr(word, ':');

    for (size_t i = 0; colon != NULL && i < doctor->config->certificate_count;
         i++) {
        const char *map = doctor->config->certificates[i].refresh_map;
        size_t len = strlen(colon + 1);
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a beginning */
        if (strncmp(map, colon + 1, len) == 0 && strcmp(map + len, ".cdb") == 0)
            return true;
    }
    return false;
}

/* A table that may say DISABLE to a client that a header made up. */
void check_milter_maps(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    const char *value = doctor_value(listener, "smtpd_milter_maps");
    struct postfix_list list;

    if (!listener->has_header || !is_only_proof(doctor, listener))
        return;
    postfix_list_parse(value, &list);
    size_t before = list.count;
    for (size_t i = list.count; i-- > 0;)
        if (!is_refresh_map(doctor, list.words[i]))
            postfix_list_remove(&list, i);
    if (list.count < before) {
        char *others = postfix_list_join(&list, ",");
        mend_listener(doctor,
            doctor_add_at(doctor, listener, "smtpd_milter_maps = %s", value),
            listener, "smtpd_milter_maps", others);
        free(others);
    }
    postfix_list_clear(&list);
}

void check_milter_local(struct doctor *doctor)
{
    const char *value =
        postfix_config_value(doctor->postfix, "non_smtpd_milters");
    struct milters milters;

    milters_parse(doctor, NULL, value, &milters);
    if (milters.index < milters.list.count) {
        postfix_list_remove(&milters.list, milters.index);
        char *others = postfix_list_join(&milters.list, ", ");
        mend_main(doctor,
            doctor_add(doctor, "main.cf", "non_smtpd_milters = %s", value),
            "non_smtpd_milters", others);
        free(others);
    }
    milters_clear(&milters);
}
