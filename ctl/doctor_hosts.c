/*
 * doctor_hosts.c - the kinds of mail hosts that keep changes of main.cf and
 * master.cf in places of their own, and write the two files anew from there.
 *
 * A host is recognised by a parameter that only its main.cf has. A host that is
 * in no row is treated as Postfix's own files are: what stands there stays.
 */
#include "ctl/doctor_checks.h"

#include <string.h>

const struct doctor_host doctor_hosts[] = {
    {
        .name = "docker-mailserver",
        .title = "docker-mailserver",
        .sign = "dms_smtpd_sender_restrictions",
        .sign_value = "",
        /* Its postfix-master.cf can change options, but no whole line. */
        .main = {"docker-data/dms/config/user-patches.sh, at its end",
            FORM_COMMAND},
        .master = {"docker-data/dms/config/user-patches.sh, at its end",
            FORM_COMMAND},
        .helper = "/opt/tollgate/tollgate-anvil-pass",
        .helper_user = "nobody",
        .then = "docker compose up -d --force-recreate mailserver",
    },
    {
        .name = "mailcow",
        .title = "mailcow",
        .sign = "config_directory",
        .sign_value = "/opt/postfix/conf",
        .main = {"data/conf/postfix/extra.cf", FORM_TEXT},
        .master = {"once, in the container postfix-mailcow", FORM_COMMAND},
        .directory = "/opt/postfix/conf",
        .helper = "/opt/tollgate/tollgate-anvil-pass",
        .helper_user = "nobody",
        .cuts_main = true,
        .then = "docker compose restart postfix-mailcow",
    },
    {
        .name = "mailu",
        .title = "Mailu",
        .sign = "podop",
        .sign_value = "",
        .main = {"overrides/postfix/postfix.cf", FORM_WORD},
        .master = {"overrides/postfix/postfix.master", FORM_WORD},
        .helper = "/run/tollgate/tollgate-anvil-pass",
        .helper_user = "nobody",
        .then = "docker compose restart smtp",
    },
    {
        .name = "plain",
        .title = "a Postfix whose files stay as they are",
        .main = {"a shell", FORM_COMMAND},
        .master = {"a shell", FORM_COMMAND},
        .then = "postfix reload",
    },
    {.name = NULL},
};

const struct doctor_host *doctor_host_find(const char *name)
{
    for (const struct doctor_host *row = doctor_hosts; row->name != NULL; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

void doctor_note_host(struct doctor *doctor)
{
    for (const struct doctor_host *row = doctor_hosts; row->name != NULL;
         row++) {
        const char *value =
            row->sign == NULL
                ? NULL
                : postfix_parameters_find(&doctor->postfix->main, row->sign);
        if (value != NULL &&
            strncmp(value, row->sign_value, strlen(row->sign_value)) == 0)
            doctor_note(doctor,
                "main.cf has %s, so this is %s, which writes what Postfix "
                "reads anew: \"doctor --for %s\" prints lines for the files "
                "that it does so from",
                row->sign, row->title, row->name);
    }
}

void check_own_names(struct doctor *doctor)
{
    if (doctor->host == NULL || !doctor->host->cuts_main)
        return;
    for (size_t i = 0; i < doctor->count; i++) {
        const struct doctor_listener *listener = &doctor->listeners[i];
        const struct postfix_parameters *set = &listener->speaker->overrides;
        for (size_t j = 0; j < set->count; j++)
            if (strstr(set->items[j].value, "$" OWN_PREFIX) != NULL)
                mend_listener(doctor,
                    doctor_add_at(doctor, listener, "%s = %s",
                        set->items[j].name, set->items[j].value),
                    listener, set->items[j].name, set->items[j].value);
    }
}
