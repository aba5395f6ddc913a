/*
 * doctor_checks_sockets.c - can Postfix's processes get at our sockets?
 *
 * A socket that is not there is only a note: a daemon that does not run now
 * may run later, and `status` tells. Folders and modes in the way stay.
 */
#include "ctl/doctor_checks.h"

#include "ctl/reach.h"

#include <stdlib.h>
#include <string.h>

static const char *queue(const struct doctor *doctor)
{
    return postfix_config_value(doctor->postfix, "queue_directory");
}

static bool uses_milter(
    const struct doctor *doctor, const struct doctor_listener *listener)
{
    return doctor_names_milter(
        doctor, listener->speaker, doctor_value(listener, "smtpd_milters"));
}

/* Chrooted, and in need of a socket that no path leads to. */
void check_jail(struct doctor *doctor, const struct doctor_listener *listener)
{
    const struct config_listener *policy = doctor_listen(doctor, "policy");
    const char *path = NULL;

    if (doctor_wants_policy(doctor, listener) &&
        !endpoint_is_in_queue(doctor, policy))
        path = policy->path;
    if (uses_milter(doctor, listener) &&
        !endpoint_is_in_queue(doctor, &doctor->milter))
        path = doctor->milter.path;
    if (path == NULL || !listener->speaker->is_chrooted)
        return;
    mend_field(doctor,
        doctor_add_at(doctor, listener,
            "it is chrooted to %s, and %s is outside of it", queue(doctor),
            path),
        listener->speaker, "chroot", "n");
}

/* Asked by nobody, if there are no certificates. */
static bool is_unused(
    const struct doctor *doctor, const struct config_listener *listener)
{
    return strcmp(listener->face, "sni") == 0 &&
           doctor->config->certificate_count == 0;
}

static void try_socket(struct doctor *doctor, const struct reach_user *user,
    const struct config_listener *listener)
{
    struct error err;

    if (listener->path == NULL || is_unused(doctor, listener))
        return;
    const char *from =
        endpoint_is_in_queue(doctor, listener) ? queue(doctor) : "";
    switch (reach_connect(user, listener->path, from, &err)) {
    case REACH_YES:
        return;
    case REACH_ABSENT:
        doctor_note(doctor, "%s: %s: nobody listens there now", listener->face,
            err.text);
        return;
    case REACH_UNKNOWN:
        doctor_note(
            doctor, "%s: %s: root could look", listener->face, err.text);
        return;
    case REACH_REFUSED:
        break;
    }
    struct doctor_finding *finding =
        doctor_add(doctor, listener->path, "%s", err.text);
    doctor_advise(finding,
        strcmp(listener->face, "milter") == 0
            ? "make its folder passable for %s, or milter.listen of "
              "tollgate.conf another place"
            : "tollgate.conf: socket_group and socket_mode of policyd such "
              "that %s may write to it; and its folders passable",
        user->name);
}

void check_sockets(struct doctor *doctor)
{
    const struct config_listeners *listen = &doctor->config->policyd.listen;
    struct reach_user postfix, spawned;
    struct error err;
    bool uses_any_milter = false;

    if (doctor->postfix->told != NULL)
        return;
    if (!reach_user_find(doctor->config->postfix_user, &postfix, &err)) {
        doctor_advise(
            doctor_add(doctor, "tollgate.conf", "postfix_user: %s", err.text),
            "tollgate.conf: postfix_user = \"%s\"",
            postfix_config_value(doctor->postfix, "mail_owner"));
        return;
    }
    char *helper = doctor_helper_user(doctor);
    bool is_spawned = helper != NULL && reach_user_find(helper, &spawned, &err);
    for (size_t i = 0; i < listen->count; i++)
        if (strcmp(listen->items[i].face, "anvil-pass") != 0)
            try_socket(doctor, &postfix, &listen->items[i]);
        else if (is_spawned)
            try_socket(doctor, &spawned, &listen->items[i]);
    for (size_t i = 0; i < doctor->count; i++)
        uses_any_milter |= uses_milter(doctor, &doctor->listeners[i]);
    if (uses_any_milter)
        try_socket(doctor, &postfix, &doctor->milter);
    free(helper);
}

void check_user(struct doctor *doctor)
{
    const char *owner = postfix_config_value(doctor->postfix, "mail_owner");
    struct reach_user ours, theirs;
    struct error err;

    if (doctor->postfix->told != NULL ||
        !reach_user_find(doctor->config->postfix_user, &ours, &err) ||
        !reach_user_find(owner, &theirs, &err) || ours.uid == theirs.uid)
        return;
    doctor_advise(doctor_add(doctor, "main.cf",
                      "mail_owner is %s, but postfix_user of tollgate.conf %s",
                      owner, doctor->config->postfix_user),
        "tollgate.conf: postfix_user = \"%s\"", owner);
}
