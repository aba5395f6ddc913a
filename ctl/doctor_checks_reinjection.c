/*
 * doctor_checks_reinjection.c - mail that a content filter gives back to
 * Postfix: it was counted when it came in, and is not to be counted again.
 */
#include "ctl/doctor_checks.h"
#include "ctl/policy_uses.h"

#include <string.h>
#include <strings.h>

/* Who comes from this host does not get as far as the question. */
static bool is_exempted(
    const struct policy_uses *uses, const struct policy_use *use)
{
    const struct postfix_list *list = &uses->lists[use->list];

    for (size_t i = 0; i < use->index; i++)
        if (strcasecmp(list->words[i], "permit_mynetworks") == 0 ||
            strcasecmp(list->words[i], "permit") == 0)
            return true;
    return false;
}

static void check_policy(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    struct policy_uses uses;
    bool is_mended[POLICY_LISTS] = {false};

    policy_uses_open(doctor, listener, &uses);
    for (size_t i = 0; i < uses.count; i++) {
        enum policy_list list = uses.items[i].list;
        if (is_mended[list] || is_exempted(&uses, &uses.items[i]))
            continue;
        is_mended[list] = true;
        policy_uses_mend(doctor,
            doctor_add_at(
                doctor, listener, "%s asks policyd", policy_list_name(list)),
            listener, &uses, list, false);
    }
    policy_uses_close(&uses);
}

static void check_milter(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    const char *value = doctor_value(listener, "smtpd_milters");

    if (strstr(doctor_value(listener, "receive_override_options"),
            "no_milters") == NULL &&
        doctor_names_milter(doctor, listener->speaker, value))
        doctor_mend_without_milter(doctor,
            doctor_add_at(doctor, listener, "smtpd_milters = %s", value),
            listener);
}

void check_reinjection(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->count; i++) {
        const struct doctor_listener *listener = &doctor->listeners[i];
        if (!listener->is_reinjection)
            continue;
        check_policy(doctor, listener);
        check_milter(doctor, listener);
    }
}
