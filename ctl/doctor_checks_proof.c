/*
 * doctor_checks_proof.c - what the kernel refuses the daemons that run now.
 *
 * The only check that asks them: which profile or namespace they are in is
 * theirs to know. A daemon that does not answer says nothing.
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

static void check_daemon(struct doctor *doctor, const char *path)
{
    struct reply reply;
    const char *cause, *text;
    json_int_t refused;

    if (path[0] == '\0' || !ask_status(path, &reply))
        return;
    if (reply.is_ok &&
        json_unpack(reply.result, "{s:{s:I, s:s, s:s}}", "proof", "refused",
            &refused, "cause", &cause, "text", &text) == 0) {
        struct doctor_finding *finding =
            doctor_add(doctor, path, "%s was refused %lld proofs (%s)",
                reply.daemon, (long long)refused, cause);
        doctor_advise(finding, "%s", text);
    }
    reply_clear(&reply);
}

void check_proofs(struct doctor *doctor)
{
    check_daemon(doctor, doctor->config->policyd.control);
    check_daemon(doctor, doctor->config->milter.control);
}
