/*
 * publish_command.c - asks the helper to run on_change, and hears of it.
 *
 * The helper tries again by itself; only what cannot be said to it is tried
 * again here.
 */
#include "common/certs/certificate.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void fill_request(
    const struct certificate *certificate, struct command_request *request)
{
    int64_t first = 0;
    size_t at = 0;

    *request = (struct command_request){
        .timeout_ms = certificate->config->on_change_timeout_ms};
    command_digest(certificate->config->on_change, request->argv_digest);
    snprintf(request->certificate, sizeof request->certificate, "%s",
        certificate->config->title);
    snprintf(request->default_chain, sizeof request->default_chain, "%s",
        certificate->config->default_chain);
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        const struct chain *chain = certificate->chains[i];
        if (chain == NULL)
            continue;
        at += (size_t)snprintf(request->fingerprints + at,
            sizeof request->fingerprints - at, "%s%s", at > 0 ? " " : "",
            chain->fingerprint);
        if (first == 0 || chain->not_after < first)
            first = chain->not_after;
    }
    snprintf(request->not_after, sizeof request->not_after, "%" PRId64, first);
}

bool publication_ask_helper(struct certificate *certificate)
{
    struct publication *publication = &certificate->publication;
    int fd = certificate->publisher->command_fd;
    struct command_request request;

    publication->needs_command = false;
    if (fd == -1) {
        certificate->failures++;
        log_error("certificate \"%s\": on_change was not there at start; "
                  "start anew for it",
            certificate->config->title);
        return true;
    }
    fill_request(certificate, &request);
    if (send(fd, &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) ==
        (ssize_t)sizeof request) {
        publication->has_asked = true;
        publication->attempts = 0;
        return true;
    }
    publication->needs_command = true;
    publication_fail(certificate, strerror(errno));
    return false;
}

void publication_on_reply(
    struct certificate *certificate, const struct command_reply *reply)
{
    struct publication *publication = &certificate->publication;
    const char *title = certificate->config->title;

    publication->has_asked = reply->retry_ms > 0;
    if (reply->problem[0] == '\0') {
        publication->command_s = clock_wall_s();
        log_info("certificate \"%s\": on_change done", title);
        verification_restart(certificate);
        return;
    }
    certificate->failures++;
    if (reply->retry_ms > 0)
        log_error("certificate \"%s\": on_change: %s; next attempt in %" PRIu64
                  " ms",
            title, reply->problem, reply->retry_ms);
    else
        log_error("certificate \"%s\": on_change: %s; given up", title,
            reply->problem);
}
