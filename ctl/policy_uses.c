/*
 * policy_uses.c - where an smtpd asks policyd, in all of its lists.
 *
 * Restriction classes are looked into where they are named; those that a
 * table answers are not seen. The lists that mend are written from what is in
 * force, so a $name in the old one is written out.
 */
#include "ctl/policy_uses.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX 4

#define OWN_PARAMETER OWN_PREFIX "policy"

static const struct {
    const char *name, *state, *undelayed_state;
} lists[POLICY_LISTS] = {
    {"smtpd_client_restrictions", "RCPT", "CONNECT"},
    {"smtpd_helo_restrictions", "RCPT", "EHLO"},
    {"smtpd_sender_restrictions", "RCPT", "MAIL"},
    {"smtpd_relay_restrictions", "RCPT", "RCPT"},
    {"smtpd_recipient_restrictions", "RCPT", "RCPT"},
    {"smtpd_data_restrictions", "DATA", "DATA"},
    {"smtpd_end_of_data_restrictions", "END-OF-MESSAGE", "END-OF-MESSAGE"},
    {"smtpd_etrn_restrictions", "ETRN", "ETRN"},
};

const char *policy_list_name(enum policy_list list)
{
    return lists[list].name;
}

/*
 * May this word end the list for a client that the words after it are meant
 * for? Without a PROXY header a client's address is true: networks and tables
 * exempt the clients they are meant to exempt, and the order of policy services
 * is the host's matter.
 */
static bool may_end(const struct doctor_listener *listener, const char *word)
{
    size_t len = strlen(word);

    if (strcasecmp(word, "reject") == 0 || strcasecmp(word, "defer") == 0)
        return true;
    if (!listener->has_header)
        return strcasecmp(word, "permit") == 0 ||
               strcasecmp(word, "permit_sasl_authenticated") == 0;
    return strncasecmp(word, "permit", 6) == 0 || strcasecmp(word, "ok") == 0 ||
           strcasecmp(word, "check_policy_service") == 0 ||
           strcasecmp(word, "relay") == 0 ||
           (len > 13 && strncasecmp(word, "check_", 6) == 0 &&
               strcasecmp(word + len - 7, "_access") == 0);
}

/* Appends the words of text, and for a class those that it stands for. */
static void expand(const struct doctor_listener *listener, const char *text,
    unsigned depth, struct postfix_list *list)
{
    struct postfix_list words, classes;

    postfix_list_parse(text, &words);
    postfix_list_parse(
        doctor_value(listener, "smtpd_restriction_classes"), &classes);
    for (size_t i = 0; i < words.count; i++) {
        const char *class = doctor_known_value(listener, words.words[i]);
        if (class != NULL && depth < DEPTH_MAX &&
            postfix_list_has(&classes, words.words[i]))
            expand(listener, class, depth + 1, list);
        else
            postfix_list_insert(list, list->count, xstrdup(words.words[i]));
    }
    postfix_list_clear(&classes);
    postfix_list_clear(&words);
}

/* Is word `index` a question to policyd? Fills the use, but for its place. */
static bool find_ours(const struct doctor *doctor,
    const struct doctor_listener *listener, const struct postfix_list *list,
    size_t index, struct policy_use *use_r)
{
    enum endpoint_relation relation;

    if (index + 1 >= list->count ||
        strcasecmp(list->words[index], "check_policy_service") != 0)
        return false;
    *use_r = (struct policy_use){.index = index};
    postfix_entry_parse(list->words[index + 1], &use_r->entry);
    use_r->ours = endpoint_find(
        doctor, listener->speaker, use_r->entry.endpoint, "policy", &relation);
    if (use_r->ours == NULL) {
        postfix_entry_clear(&use_r->entry);
        return false;
    }
    use_r->is_jailed = relation == ENDPOINT_JAILED;
    use_r->is_toothless =
        index > 0 && strcasecmp(list->words[index - 1], "warn_if_reject") == 0;
    return true;
}

static void look_through(const struct doctor *doctor,
    const struct doctor_listener *listener, enum policy_list number,
    bool is_delayed, struct policy_uses *uses)
{
    const struct postfix_list *list = &uses->lists[number];
    const char *passed_by = NULL;
    struct policy_use use;

    for (size_t i = 0; i < list->count; i++) {
        if (uses->count == POLICY_USES_MAX ||
            !find_ours(doctor, listener, list, i, &use)) {
            if (passed_by == NULL && may_end(listener, list->words[i]))
                passed_by = list->words[i];
            continue;
        }
        use.list = number;
        use.state =
            is_delayed ? lists[number].state : lists[number].undelayed_state;
        use.passed_by = passed_by == NULL ? NULL : xstrdup(passed_by);
        uses->items[uses->count++] = use;
    }
}

void policy_uses_open(const struct doctor *doctor,
    const struct doctor_listener *listener, struct policy_uses *uses_r)
{
    bool is_delayed =
        postfix_is_yes(doctor_value(listener, "smtpd_delay_reject"));

    memset(uses_r, 0, sizeof *uses_r);
    for (unsigned i = 0; i < POLICY_LISTS; i++) {
        expand(listener, doctor_value(listener, lists[i].name), 0,
            &uses_r->lists[i]);
        look_through(doctor, listener, (enum policy_list)i, is_delayed, uses_r);
    }
}

void policy_uses_close(struct policy_uses *uses)
{
    for (size_t i = 0; i < uses->count; i++) {
        postfix_entry_clear(&uses->items[i].entry);
        free(uses->items[i].passed_by);
    }
    for (unsigned i = 0; i < POLICY_LISTS; i++)
        postfix_list_clear(&uses->lists[i]);
}

size_t policy_uses_at(const struct policy_uses *uses, const char *state)
{
    size_t count = 0;

    for (size_t i = 0; i < uses->count; i++)
        if (strcmp(uses->items[i].state, state) == 0)
            count++;
    return count;
}

/* The list's words without policyd. */
static void copy_others(const struct policy_uses *uses, enum policy_list number,
    struct postfix_list *words_r)
{
    char *text = postfix_list_join(&uses->lists[number], ",");

    postfix_list_parse(text, words_r);
    free(text);
    for (size_t i = uses->count; i-- > 0;) {
        const struct policy_use *use = &uses->items[i];
        if (use->list != number)
            continue;
        postfix_list_remove(words_r, use->index + 1);
        postfix_list_remove(words_r, use->index);
        if (use->is_toothless)
            postfix_list_remove(words_r, use->index - 1);
    }
}

/* Names policyd in main.cf, once for all who refer to it. */
static void define_policy(struct doctor *doctor, struct doctor_finding *finding)
{
    char *endpoint = endpoint_text(doctor, doctor_listen(doctor, "policy"));
    char *value = xprintf("check_policy_service { %s, timeout=10s, "
                          "{ default_action=451 4.3.5 "
                          "Server configuration problem } }",
        endpoint);

    mend_main(doctor, finding, OWN_PARAMETER, value);
    free(value);
    free(endpoint);
}

void policy_uses_mend(struct doctor *doctor, struct doctor_finding *finding,
    const struct doctor_listener *listener, const struct policy_uses *uses,
    enum policy_list number, bool is_kept)
{
    struct postfix_list words;
    size_t index = 0;

    copy_others(uses, number, &words);
    while (index < words.count && !may_end(listener, words.words[index]))
        index++;
    if (is_kept) {
        define_policy(doctor, finding);
        postfix_list_insert(&words, index, xstrdup("$" OWN_PARAMETER));
    }
    char *value = postfix_list_join(&words, ",");
    mend_listener(doctor, finding, listener, lists[number].name, value);
    free(value);
    postfix_list_clear(&words);
}
