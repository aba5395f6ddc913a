/*
 * doctor_checks_apart.c - listeners that clients come to, and that no service
 * section names while others have one: what counts there, and what does not.
 *
 * Meant so, perhaps, hence a note.
 */
#include "ctl/doctor_checks.h"
#include "ctl/policy_uses.h"

#include "common/base/alloc.h"

#include <stdlib.h>

static bool asks_policy(
    const struct doctor *doctor, const struct doctor_listener *listener)
{
    struct policy_uses uses;

    policy_uses_open(doctor, listener, &uses);
    bool is_asked = policy_uses_at(&uses, "RCPT") > 0 &&
                    policy_uses_at(&uses, "END-OF-MESSAGE") > 0;
    policy_uses_close(&uses);
    return is_asked;
}

static bool is_asked(const struct doctor *doctor,
    const struct doctor_listener *listener, enum face face)
{
    switch (face) {
    case FACE_ANVIL:
        return doctor->opens_anvil;
    case FACE_POLICY:
        return asks_policy(doctor, listener);
    default:
        return doctor_names_milter(
            doctor, listener->speaker, doctor_value(listener, "smtpd_milters"));
    }
}

/* "anvil, milter": the faces with limits that hold there, if they were asked,
 * and are or are not. Empty: none. The caller frees. */
static char *join_faces(const struct doctor *doctor,
    const struct doctor_listener *listener, bool are_asked)
{
    static const char *const names[] = {[FACE_ANVIL] = "anvil",
        [FACE_POLICY] = "policy",
        [FACE_MILTER] = "milter"};
    char *text = xstrdup("");

    for (unsigned face = 0; face < sizeof names / sizeof names[0]; face++) {
        if (!doctor_has_limits(doctor, listener, (enum face)face) ||
            is_asked(doctor, listener, (enum face)face) != are_asked)
            continue;
        char *longer =
            xprintf("%s%s%s", text, *text == '\0' ? "" : ", ", names[face]);
        free(text);
        text = longer;
    }
    return text;
}

static void look_at(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    char *asked = join_faces(doctor, listener, true);
    char *unasked = join_faces(doctor, listener, false);

    if (*unasked != '\0')
        doctor_note(doctor,
            "%s/%s has no service section and is not looked at. Limits at %s "
            "do not count there, for it does not ask%s%s. To have it looked "
            "at: service \"%u\" { port = %u } in tollgate.conf",
            listener->service->name, listener->service->type, unasked,
            *asked == '\0' ? "" : "; it does ask ", asked,
            (unsigned)listener->service->port,
            (unsigned)listener->service->port);
    free(unasked);
    free(asked);
}

void check_apart(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->count; i++) {
        const struct doctor_listener *listener = &doctor->listeners[i];
        if (!listener->is_guarded && !listener->is_reinjection &&
            !doctor_is_loopback(listener->service->name))
            look_at(doctor, listener);
    }
}
