/*
 * daemon_proof.c - drops privileges, keeps the one capability that a proof
 * needs and the groups that a gate needs, and says at start whether a proof is
 * possible at all.
 *
 * It is kept only if a service wants proof at start; once given up it does
 * not come back, so a reload that asks for it is refused.
 */
#include "common/engine/daemon_private.h"

#include "common/base/log.h"
#include "common/engine/privileges.h"
#include "common/net/peer_cause.h"
#include "common/net/peer_trial.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A question about sockets may be refused for one family only, so that the
 * rest is still proven: no reason not to start. */
static bool is_hopeless(const struct peer_refusal *refusal)
{
    return refusal->step != PEER_STEP_NONE && refusal->step <= PEER_STEP_GETFD;
}

static void explain(const struct daemon *daemon, struct error *why_r)
{
    const struct peer_refusal *refusal = &daemon->proof_refusal;
    char text[PEER_CAUSE_TEXT_SIZE];
    struct peer_setting setting;

    peer_setting_read(&setting);
    error_set(why_r, "%s",
        peer_cause_format(refusal, peer_cause_find(refusal, &setting), text));
}

bool daemon_check_proof(
    const struct daemon *daemon, const struct config *config, struct error *err)
{
    struct error why;

    if (!config->wants_proof)
        return true;
    if (!daemon->may_prove)
        error_set(&why,
            "CAP_SYS_PTRACE is missing: start as root, or grant it "
            "(systemd: AmbientCapabilities=CAP_SYS_PTRACE; docker: "
            "--cap-add SYS_PTRACE, without --user, which takes it away)");
    else if (daemon->proof_refusal.step == PEER_STEP_NONE)
        return true;
    else
        explain(daemon, &why);
    if (config->requires_proof &&
        (!daemon->may_prove || is_hopeless(&daemon->proof_refusal)))
        return error_set(
            err, "a service has proof = \"required\": %s", why.text);
    log_warn("peers cannot be proven: %s", why.text);
    return true;
}

/* The group that may enter the folder of a pass service's socket: "postdrop",
 * where Postfix has not made the folder yet. False: none is needed. */
static bool find_pass_group(const char *socket, gid_t *group_r)
{
    char folder[PATH_MAX];
    struct error ignored;
    struct stat found;

    snprintf(folder, sizeof folder, "%s", socket);
    *strrchr(folder, '/') = '\0';
    if (stat(folder, &found) != 0)
        return privileges_find_group("postdrop", group_r, &ignored);
    *group_r = found.st_gid;
    return found.st_gid != 0 &&
           (found.st_mode & (S_IXGRP | S_IXOTH)) == S_IXGRP;
}

static size_t find_pass_groups(
    const struct config *config, gid_t groups_r[PRIVILEGES_GROUPS])
{
    size_t count = 0;

    for (size_t i = 0; i < config->service_count; i++) {
        gid_t group;
        size_t at = 0;
        if (config->services[i].pass_name == NULL ||
            !find_pass_group(config->services[i].pass_to, &group))
            continue;
        while (at < count && groups_r[at] != group)
            at++;
        if (at == count && count < PRIVILEGES_GROUPS)
            groups_r[count++] = group;
    }
    return count;
}

static bool drop(struct daemon *daemon, struct error *err)
{
    const struct config *config = daemon->config;
    gid_t groups[PRIVILEGES_GROUPS];
    const struct privileges_kept kept = {.ptrace = config->wants_proof,
        .read = daemon->faces->reads_keys && config->certificate_count > 0,
        .groups = groups,
        .group_count =
            daemon->faces->hands_over ? find_pass_groups(config, groups) : 0};

    if (!privileges_drop(config->user, config->group, &kept, err))
        return false;
    daemon->may_prove = privileges_has_ptrace();
    return true;
}

bool daemon_drop_privileges(struct daemon *daemon, struct error *err)
{
    struct peer_trial trial;

    if (!daemon->config->wants_proof)
        return drop(daemon, err);
    if (!peer_trial_begin(&trial, err))
        return error_prefix(err, "a trial of the proof: ");
    bool is_dropped = drop(daemon, err);
    peer_trial_end(&trial, &daemon->proof_refusal);
    return is_dropped && daemon_check_proof(daemon, daemon->config, err);
}
