/*
 * doctor_checks_proof.c - what the daemons that run now have met: proofs that
 * the kernel refused, and clients that a gateway hides.
 *
 * The only checks that ask them: which profile, namespace or network they are
 * in is theirs to know. A daemon that does not answer says nothing.
 */
#include "ctl/doctor_checks.h"

#include "ctl/client.h"
#include "ctl/reply.h"

#define ANSWER_MS 2000

/* The reply to `status`; false: none came. */
static bool ask_status(const char *path, struct reply *reply_r)
{
    struct error err;
    bool is_missing;
    struct client *client = client_open(path, &is_missing, &err);

    if (client == NULL)
        return false;
    char *line = client_send(client, "{\"command\":\"status\"}", &err)
                     ? client_receive(client, ANSWER_MS, &err)
                     : NULL;
    client_close(&client);
    if (line != NULL)
        reply_parse(line, reply_r);
    return line != NULL;
}

static void look_at_proofs(
    struct doctor *doctor, const char *path, const struct reply *reply)
{
    const char *cause, *text;
    json_int_t refused;

    if (json_unpack(reply->result, "{s:{s:I, s:s, s:s}}", "proof", "refused",
            &refused, "cause", &cause, "text", &text) != 0)
        return;
    struct doctor_finding *finding =
        doctor_add(doctor, path, "%s was refused %lld proofs (%s)",
            reply->daemon, (long long)refused, cause);
    doctor_advise(finding, "%s", text);
}

static void look_at_clients(
    struct doctor *doctor, const char *path, const struct reply *reply)
{
    const char *service, *client, *text;
    json_int_t hits, of;

    if (json_unpack(reply->result, "{s:{s:s, s:s, s:I, s:I, s:s}}", "gateway",
            "service", &service, "client", &client, "hits", &hits, "of", &of,
            "text", &text) != 0)
        return;
    struct doctor_finding *finding = doctor_add(doctor, path,
        "to %s, %lld of the last %lld clients of service %s were %s",
        reply->daemon, (long long)hits, (long long)of, service, client);
    doctor_advise(finding, "%s", text);
}

static void ask_daemons(struct doctor *doctor,
    void (*look)(struct doctor *, const char *, const struct reply *))
{
    const char *const paths[] = {
        doctor->config->policyd.control, doctor->config->milter.control};
    struct reply reply;

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (paths[i][0] == '\0' || !ask_status(paths[i], &reply))
            continue;
        if (reply.is_ok)
            look(doctor, paths[i], &reply);
        reply_clear(&reply);
    }
}

void check_proofs(struct doctor *doctor)
{
    ask_daemons(doctor, look_at_proofs);
}

void check_hidden_clients(struct doctor *doctor)
{
    ask_daemons(doctor, look_at_clients);
}
