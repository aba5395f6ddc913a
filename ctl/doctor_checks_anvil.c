/*
 * doctor_checks_anvil.c - do smtpd's questions to anvil arrive at policyd?
 *
 * Two ways: Postfix's spawn starts the helper in anvil's place, or policyd
 * itself is at private/anvil and Postfix leaves that place alone.
 */
#include "ctl/doctor_checks.h"

#include "common/base/alloc.h"
#include "ctl/reach.h"
#include "policyd/anvil_pass.h"

#include <stdlib.h>
#include <string.h>

#define HELPER PKGLIBEXECDIR "/tollgate-anvil-pass"

/* What master.cf says of anvil. */
struct place {
    const struct postfix_service *service; /* NULL: no line */
    bool is_passed;                        /* spawn starts the helper */
    bool is_free;                 /* Postfix puts nothing at private/anvil */
    char *user, *helper, *socket; /* of the helper; NULL: not given */
    bool accepts_when_down;
    bool outlives_upgrade; /* its first line, as postconf folds it, has the
                              word anvil twice */
};

static const char *field(const struct place *place, const char *name)
{
    const char *value = postfix_parameters_find(&place->service->fields, name);

    return value == NULL ? "" : value;
}

static void replace(char **text, const char *value)
{
    free(*text);
    *text = xstrdup(value);
}

/* "spawn -n anvil user=U[:G] argv=HELPER SOCKET [--when-down=...]" */
static void read_command(struct place *place, const char *command)
{
    struct postfix_list words;

    postfix_list_parse(command, &words);
    for (size_t i = 1; i < words.count; i++) {
        const char *word = words.words[i];
        if (i > 1 && strcmp(words.words[i - 1], "-n") == 0)
            place->outlives_upgrade = strcmp(word, "anvil") == 0;
        else if (place->helper != NULL &&
                 strcmp(word, "--when-down=accept") == 0)
            place->accepts_when_down = true;
        else if (place->helper != NULL && *word != '-')
            replace(&place->socket, word);
        else if (strncmp(word, "user=", 5) == 0)
            replace(&place->user, word + 5);
        else if (strncmp(word, "argv=", 5) == 0)
            replace(&place->helper, word + 5);
    }
    postfix_list_clear(&words);
}

static bool is_helper(const char *path)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');

    return slash != NULL && strcmp(slash + 1, "tollgate-anvil-pass") == 0;
}

static void place_open(const struct doctor *doctor, struct place *place_r)
{
    *place_r = (struct place){
        .service = postfix_config_service(doctor->postfix, "anvil", "unix"),
        .is_free = true,
    };
    if (place_r->service == NULL)
        return;
    place_r->is_free =
        place_r->service->is_disabled || *field(place_r, "private") == 'n';
    if (strcmp(place_r->service->program, "spawn") == 0)
        read_command(place_r, field(place_r, "command"));
    place_r->is_passed = !place_r->is_free && is_helper(place_r->helper);
}

static void place_close(struct place *place)
{
    free(place->user);
    free(place->helper);
    free(place->socket);
}

/* "name" or "name:group" */
static bool is_user(const char *user, const char *name)
{
    size_t len = strlen(name);

    return strcspn(user, ":") == len && strncmp(user, name, len) == 0;
}

/* spawn takes neither of these two. */
static bool is_usable_user(const struct doctor *doctor, const char *user)
{
    return user != NULL && !is_user(user, "root") &&
           !is_user(user, postfix_config_value(doctor->postfix, "mail_owner"));
}

/* The line as it should be; what is sound of the old one stays. */
static void mend_place(struct doctor *doctor, struct doctor_finding *finding,
    const struct place *place, bool is_helper_sound)
{
    const struct config_listener *ours = doctor_listen(doctor, "anvil-pass");
    const struct doctor_host *host = doctor->host;
    const char *user = doctor->config->user, *helper = HELPER;

    if (host != NULL && host->helper != NULL) {
        user = host->helper_user;
        helper = host->helper;
    }
    if (is_usable_user(doctor, place->user))
        user = place->user;
    if (is_helper(place->helper) && is_helper_sound)
        helper = place->helper;
    char *line =
        xprintf("anvil unix - n n - 0 spawn -n anvil user=%s argv=%s %s", user,
            helper, ours->path);

    mend_line(doctor, finding, "anvil", "unix", line);
    free(line);
}

/* master_service_disable with anvil/unix, or without. */
static void mend_disabled(
    struct doctor *doctor, struct doctor_finding *finding, bool is_wanted)
{
    static const char name[] = "master_service_disable";
    struct postfix_list words;

    postfix_list_parse(postfix_config_value(doctor->postfix, name), &words);
    for (size_t i = words.count; i-- > 0;)
        if (strcmp(words.words[i], "anvil/unix") == 0)
            postfix_list_remove(&words, i);
    if (is_wanted)
        postfix_list_insert(&words, 0, xstrdup("anvil/unix"));
    char *value = postfix_list_join(&words, ", ");
    mend_main(doctor, finding, name, value);
    free(value);
    postfix_list_clear(&words);
}

void check_anvil_place(struct doctor *doctor)
{
    bool has_pass = doctor_listen(doctor, "anvil-pass") != NULL;
    bool has_direct = doctor_listen(doctor, "anvil") != NULL;
    struct place place;

    if (!doctor->opens_anvil)
        return;
    place_open(doctor, &place);
    if (!(place.is_passed && has_pass) && !(place.is_free && has_direct)) {
        bool is_off = place.service != NULL && place.service->is_disabled;
        struct doctor_finding *finding = doctor_add(doctor, "anvil/unix",
            "%s%s",
            place.service == NULL ? "no such line" : field(&place, "command"),
            is_off ? ", disabled by master_service_disable" : "");
        if (has_pass)
            mend_place(doctor, finding, &place, true);
        if (is_off == has_pass)
            mend_disabled(doctor, finding, !has_pass);
    }
    place_close(&place);
}

static bool is_listened(const struct doctor *doctor, const char *path)
{
    const struct config_listeners *listen = &doctor->config->policyd.listen;

    for (size_t i = 0; path != NULL && i < listen->count; i++)
        if (strcmp(listen->items[i].face, "anvil-pass") == 0 &&
            listen->items[i].path != NULL &&
            endpoint_same_path(path, listen->items[i].path))
            return true;
    return false;
}

void check_anvil_socket(struct doctor *doctor)
{
    const struct config_listener *direct = doctor_listen(doctor, "anvil");
    struct place place;

    place_open(doctor, &place);
    if (place.is_passed && doctor_listen(doctor, "anvil-pass") != NULL &&
        !is_listened(doctor, place.socket))
        mend_place(doctor,
            doctor_add(doctor, "anvil/unix",
                "the helper goes to %s, where policyd does not listen",
                place.socket == NULL ? "no socket" : place.socket),
            &place, true);
    if (place.is_free && direct != NULL && direct->path != NULL) {
        char *path = xprintf("%s/private/anvil",
            postfix_config_value(doctor->postfix, "queue_directory"));
        if (!endpoint_same_path(path, direct->path))
            doctor_advise(
                doctor_add(doctor, direct->path, "smtpd asks at %s", path),
                "tollgate.conf: policyd.listen with \"anvil:unix:%s\"", path);
        free(path);
    }
    place_close(&place);
}

void check_anvil_line(struct doctor *doctor)
{
    static const struct {
        const char *field, *value;
    } wanted[] = {
        {"unprivileged", "n"}, {"chroot", "n"}, {"process_limit", "0"}};
    struct place place;

    place_open(doctor, &place);
    for (size_t i = 0; place.is_passed && i < sizeof wanted / sizeof wanted[0];
         i++) {
        const char *value = field(&place, wanted[i].field);
        if (strcmp(value, wanted[i].value) != 0)
            mend_field(doctor,
                doctor_add(doctor, "anvil/unix", "%s is %s, not %s",
                    wanted[i].field, value, wanted[i].value),
                place.service, wanted[i].field, wanted[i].value);
    }
    if (place.is_passed && !place.outlives_upgrade)
        mend_place(doctor,
            doctor_add(doctor, "anvil/unix",
                "without \"spawn -n anvil\" postfix upgrade-configuration puts "
                "the stock anvil back"),
            &place, true);
    if (place.is_passed && !is_usable_user(doctor, place.user))
        mend_place(doctor,
            doctor_add(doctor, "anvil/unix", "spawn does not run it as %s",
                place.user == NULL ? "nobody named" : place.user),
            &place, true);
    place_close(&place);
}

static void check_start(struct doctor *doctor, const struct place *place,
    const struct reach_user *user)
{
    struct error err;
    enum reach reach = reach_execute(user, place->helper, &err);

    if (reach == REACH_ABSENT || reach == REACH_REFUSED)
        mend_place(doctor, doctor_add(doctor, "anvil/unix", "%s", err.text),
            place, false);
}

void check_anvil_helper(struct doctor *doctor)
{
    struct place place;
    struct error err;
    struct reach_user user;

    place_open(doctor, &place);
    if (doctor->postfix->told == NULL && place.is_passed &&
        is_usable_user(doctor, place.user)) {
        if (!reach_user_find(place.user, &user, &err))
            doctor_advise(doctor_add(doctor, "anvil/unix", "%s", err.text),
                "useradd --system --shell /usr/sbin/nologin %s", place.user);
        else
            check_start(doctor, &place, &user);
    }
    place_close(&place);
}

void check_anvil_when_down(struct doctor *doctor)
{
    struct place place;

    place_open(doctor, &place);
    if (place.is_passed && place.accepts_when_down &&
        doctor->config->requires_proof)
        mend_place(doctor,
            doctor_add(doctor, "anvil/unix", "--when-down=accept"), &place,
            true);
    place_close(&place);
}

void check_anvil_timeout(
    struct doctor *doctor, const struct doctor_listener *listener)
{
    const char *text = doctor_value(listener, "ipc_timeout");
    char *least = xprintf("%ds", ANVIL_PASS_IPC_TIMEOUT_MS / 1000);
    struct place place;
    uint64_t ms;

    place_open(doctor, &place);
    if (place.is_passed && postfix_time_parse(text, &ms) &&
        ms < ANVIL_PASS_IPC_TIMEOUT_MS)
        mend_listener(doctor,
            doctor_add_at(doctor, listener, "ipc_timeout = %s", text), listener,
            "ipc_timeout", least);
    place_close(&place);
    free(least);
}

char *doctor_helper_user(const struct doctor *doctor)
{
    struct place place;

    place_open(doctor, &place);
    char *user =
        place.is_passed && place.user != NULL ? xstrdup(place.user) : NULL;
    place_close(&place);
    return user;
}
