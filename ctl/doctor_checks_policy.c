/*
 * doctor_checks_policy.c - is policyd asked at RCPT and at the end of a
 * message, once, before anybody is let pass, and heeded?
 */
#include "ctl/doctor_checks.h"
#include "ctl/policy_uses.h"

#include <string.h>
#include <strings.h>

#define TIMEOUT_MIN_MS 1000
#define TIMEOUT_MAX_MS 30000

bool doctor_wants_policy(
    const struct doctor *doctor, const struct doctor_listener *listener)
{
    return doctor->opens_policy &&
           (listener->wants_proof ||
               doctor_has_limits(doctor, listener, FACE_POLICY));
}

/* Calls `look` for each question to policyd. */
static void each_use(struct doctor *doctor,
    const struct doctor_listener *listener,
    void (*look)(struct doctor *, const struct doctor_listener *,
        const struct policy_uses *, const struct policy_use *))
{
    struct policy_uses uses;

    policy_uses_open(doctor, listener, &uses);
    for (size_t i = 0; i < uses.count; i++)
        look(doctor, listener, &uses, &uses.items[i]);
    policy_uses_close(&uses);
}

static void check_state(struct doctor *doctor,
    const struct doctor_listener *listener, const struct policy_uses *uses,
    const char *state, enum policy_list list)
{
    if (policy_uses_at(uses, state) > 0)
        return;
    policy_uses_mend(doctor,
        doctor_add_at(doctor, listener, "%s does not ask policyd",
            policy_list_name(list)),
        listener, uses, list, true);
}

void check_policy_missing(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    struct policy_uses uses;

    if (!doctor_wants_policy(doctor, listener))
        return;
    policy_uses_open(doctor, listener, &uses);
    check_state(doctor, listener, &uses, "RCPT", LIST_RECIPIENT);
    check_state(doctor, listener, &uses, "END-OF-MESSAGE", LIST_END_OF_DATA);
    if (doctor_limits(doctor, listener, FACE_POLICY, EVENT_ETRN).count > 0)
        check_state(doctor, listener, &uses, "ETRN", LIST_ETRN);
    policy_uses_close(&uses);
}

/* The list that goes on asking in that state: the last one that does. */
static enum policy_list kept_list(
    const struct policy_uses *uses, const char *state)
{
    enum policy_list kept = LIST_RECIPIENT;

    for (size_t i = 0; i < uses->count; i++)
        if (strcmp(uses->items[i].state, state) == 0)
            kept = uses->items[i].list;
    return kept;
}

static void check_state_twice(struct doctor *doctor,
    const struct doctor_listener *listener, const struct policy_uses *uses,
    const char *state)
{
    enum policy_list kept = kept_list(uses, state);
    bool is_mended[POLICY_LISTS] = {false};
    size_t count = policy_uses_at(uses, state);

    if (count < 2)
        return;
    struct doctor_finding *finding = doctor_add_at(doctor, listener,
        "policyd is asked %zu times in the state %s", count, state);
    for (size_t i = 0; i < uses->count; i++) {
        enum policy_list list = uses->items[i].list;
        if (strcmp(uses->items[i].state, state) != 0 || is_mended[list])
            continue;
        is_mended[list] = true;
        policy_uses_mend(doctor, finding, listener, uses, list, list == kept);
    }
}

void check_policy_twice(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    static const char *const states[] = {
        "CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE", "ETRN"};
    struct policy_uses uses;

    policy_uses_open(doctor, listener, &uses);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        check_state_twice(doctor, listener, &uses, states[i]);
    policy_uses_close(&uses);
}

/* Where policyd is asked several times, that is mended by itself. */
static bool is_only(
    const struct policy_uses *uses, const struct policy_use *use)
{
    return policy_uses_at(uses, use->state) == 1;
}

static void mend_use(struct doctor *doctor,
    const struct doctor_listener *listener, const struct policy_uses *uses,
    const struct policy_use *use, struct doctor_finding *finding)
{
    policy_uses_mend(doctor, finding, listener, uses, use->list, true);
}

static void look_at_order(struct doctor *doctor,
    const struct doctor_listener *listener, const struct policy_uses *uses,
    const struct policy_use *use)
{
    if (use->passed_by != NULL && is_only(uses, use) &&
        doctor_wants_policy(doctor, listener))
        mend_use(doctor, listener, uses, use,
            doctor_add_at(doctor, listener, "%s has %s before policyd",
                policy_list_name(use->list), use->passed_by));
}

void check_policy_order(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    each_use(doctor, listener, look_at_order);
}

static void look_at_teeth(struct doctor *doctor,
    const struct doctor_listener *listener, const struct policy_uses *uses,
    const struct policy_use *use)
{
    if (use->is_toothless && is_only(uses, use))
        mend_use(doctor, listener, uses, use,
            doctor_add_at(doctor, listener,
                "%s has warn_if_reject before policyd",
                policy_list_name(use->list)));
}

void check_policy_weak(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    each_use(doctor, listener, look_at_teeth);
}

/* Would a client be refused, at least for now? */
static bool is_refusal(const char *action)
{
    return *action == '4' || *action == '5' ||
           strncasecmp(action, "defer", 5) == 0 ||
           strncasecmp(action, "reject", 6) == 0;
}

static const char *setting(const struct doctor_listener *listener,
    const struct policy_use *use, const char *attribute, const char *parameter)
{
    const char *value =
        postfix_parameters_find(&use->entry.attributes, attribute);

    return value != NULL ? value : doctor_value(listener, parameter);
}

static void look_at_action(struct doctor *doctor,
    const struct doctor_listener *listener, const struct policy_uses *uses,
    const struct policy_use *use)
{
    const char *action = setting(
        listener, use, "default_action", "smtpd_policy_service_default_action");

    if (!is_only(uses, use))
        return;
    if (use->entry.is_malformed)
        mend_use(doctor, listener, uses, use,
            doctor_add_at(doctor, listener,
                "%s: a word in the braces is not name=value; a value with "
                "blanks needs braces of its own",
                policy_list_name(use->list)));
    else if (listener->wants_proof && !is_refusal(action))
        mend_use(doctor, listener, uses, use,
            doctor_add_at(doctor, listener, "%s: default_action is \"%s\"",
                policy_list_name(use->list), action));
}

void check_policy_action(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    each_use(doctor, listener, look_at_action);
}

static void look_at_timeout(struct doctor *doctor,
    const struct doctor_listener *listener, const struct policy_uses *uses,
    const struct policy_use *use)
{
    const char *text =
        setting(listener, use, "timeout", "smtpd_policy_service_timeout");
    uint64_t ms;

    if (!is_only(uses, use) ||
        (postfix_time_parse(text, &ms) && ms >= TIMEOUT_MIN_MS &&
            ms <= TIMEOUT_MAX_MS))
        return;
    mend_use(doctor, listener, uses, use,
        doctor_add_at(doctor, listener, "%s: the timeout is %s",
            policy_list_name(use->list), text));
}

void check_policy_timeout(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    each_use(doctor, listener, look_at_timeout);
}

static void look_at_inet(struct doctor *doctor,
    const struct doctor_listener *listener, const struct policy_uses *uses,
    const struct policy_use *use)
{
    if (!use->ours->is_inet || !listener->wants_proof ||
        listener->section->proof != SERVICE_PROOF_REQUIRED ||
        !is_only(uses, use))
        return;
    struct doctor_finding *finding = doctor_add_at(doctor, listener,
        "%s asks %s", policy_list_name(use->list), use->entry.endpoint);
    if (doctor_listen(doctor, "policy")->is_inet)
        doctor_advise(finding,
            "tollgate.conf: policyd.listen with "
            "\"policy:unix:%s/tollgate/policy\"; then ask again",
            postfix_config_value(doctor->postfix, "queue_directory"));
    else
        mend_use(doctor, listener, uses, use, finding);
}

void check_policy_inet(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    each_use(doctor, listener, look_at_inet);
}

static void look_at_jail(struct doctor *doctor,
    const struct doctor_listener *listener, const struct policy_uses *uses,
    const struct policy_use *use)
{
    if (use->is_jailed && endpoint_is_in_queue(doctor, use->ours) &&
        is_only(uses, use))
        mend_use(doctor, listener, uses, use,
            doctor_add_at(doctor, listener,
                "%s: %s is looked for below the chroot",
                policy_list_name(use->list), use->entry.endpoint));
}

void check_policy_jail(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    each_use(doctor, listener, look_at_jail);
}
