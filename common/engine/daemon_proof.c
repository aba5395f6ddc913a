/*
 * daemon_proof.c - drops privileges, keeps the one capability that a proof
 * needs, and says so at start where it is missing.
 *
 * It is kept only if a service wants proof at start; once given up it does
 * not come back, so a reload that asks for it is refused.
 */
#include "common/engine/daemon_private.h"

#include "common/base/log.h"
#include "common/engine/privileges.h"
#include "common/net/peer_proof.h"

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
    else if (peer_proof_check(&why))
        return true;
    if (config->requires_proof)
        return error_set(
            err, "a service has proof = \"required\": %s", why.text);
    log_warn("peers cannot be proven: %s", why.text);
    return true;
}

bool daemon_drop_privileges(struct daemon *daemon, struct error *err)
{
    const struct config *config = daemon->config;
    const struct privileges_kept kept = {.ptrace = config->wants_proof,
        .read = daemon->faces->reads_keys && config->certificate_count > 0};

    if (!privileges_drop(config->user, config->group, &kept, err))
        return false;
    daemon->may_prove = privileges_has_ptrace();
    return daemon_check_proof(daemon, config, err);
}
