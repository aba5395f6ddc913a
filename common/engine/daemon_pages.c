/*
 * daemon_pages.c - /metrics, /healthz and /readyz; and whether pages for people
 * are shown.
 */
#include "common/engine/daemon_private.h"

#include "common/engine/proof_faults.h"

#include <event2/buffer.h>

static int page_metrics(struct evbuffer *body, void *context)
{
    struct daemon *daemon = context;
    struct store_state store;

    store_state(daemon->store, &store);
    metrics_write_page(
        engine_metrics(daemon->engine), &store, daemon->config->hash, body);
    if (daemon->faces->write_metrics != NULL)
        daemon->faces->write_metrics(daemon->faces->context, body);
    return 200;
}

static int page_healthz(struct evbuffer *body, void *context)
{
    evbuffer_add_printf(body, "alive\n");
    return 200;
}

/* While mail is refused for it; else NULL. */
static const char *proof_obstacle(
    const struct daemon *daemon, char text[PEER_CAUSE_TEXT_SIZE])
{
    const struct proof_faults *faults = engine_proof_faults(daemon->engine);

    return daemon->config->requires_proof && proof_faults_are_total(faults)
               ? proof_faults_text(faults, text)
               : NULL;
}

const char *daemon_trouble(const struct daemon *daemon)
{
    const struct daemon_faces *faces = daemon->faces;

    return faces->trouble != NULL ? faces->trouble(faces->context) : NULL;
}

size_t daemon_gates(
    const struct daemon *daemon, struct daemon_count counts_r[DAEMON_COUNTS])
{
    const struct daemon_faces *faces = daemon->faces;

    return faces->gates != NULL ? faces->gates(faces->context, counts_r) : 0;
}

/* Able to decide. The store's absence is no obstacle: limits go on locally. Nor
 * is a trouble of the faces, unless a forger could gain by it. */
static int page_readyz(struct evbuffer *body, void *context)
{
    struct daemon *daemon = context;
    char text[PEER_CAUSE_TEXT_SIZE];
    const char *obstacle = proof_obstacle(daemon, text);
    const char *trouble = daemon_trouble(daemon);

    if (daemon->phase == DAEMON_STARTING)
        obstacle = "starting";
    else if (daemon->phase == DAEMON_DRAINING)
        obstacle = "draining";
    else if (engine_metrics(daemon->engine)->displaced > 0)
        obstacle = "a listening socket has been displaced: see the log";
    else if (obstacle == NULL && daemon->config->requires_proof)
        obstacle = trouble;
    if (obstacle == text)
        evbuffer_add_printf(body, "peers cannot be proven: ");
    if (obstacle == NULL && trouble != NULL)
        evbuffer_add_printf(body, "ready, but %s\n", trouble);
    else
        evbuffer_add_printf(
            body, "%s\n", obstacle != NULL ? obstacle : "ready");
    return obstacle != NULL ? 503 : 200;
}

static const struct http_route routes[] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", NULL, page_metrics,
        true, NULL},
    {"/healthz", "text/plain; charset=utf-8", NULL, page_healthz, false, NULL},
    {"/readyz", "text/plain; charset=utf-8", NULL, page_readyz, false, NULL},
    {NULL, NULL, NULL, NULL, false, NULL},
};

bool daemon_pages_open(struct daemon *daemon, struct error *err)
{
    const char *address = daemon->faces->http(daemon->config);

    if (*address == '\0')
        return true;
    daemon->http = http_server_new(daemon->base, address, routes, daemon, err);
    daemon_pages_follow(daemon);
    return daemon->http != NULL;
}

void daemon_pages_follow(struct daemon *daemon)
{
    if (daemon->http == NULL)
        return;
    bool is_shown =
        daemon->config->http_status || http_server_is_loopback(daemon->http);
    http_server_show(
        daemon->http, is_shown ? daemon->pages : NULL, daemon->pages_context);
}

void daemon_show_pages(
    struct daemon *daemon, const struct http_route *pages, void *context)
{
    daemon->pages = pages;
    daemon->pages_context = context;
    daemon_pages_follow(daemon);
}
