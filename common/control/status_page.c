/*
 * status_page.c - see status_page.h.
 */
#include "common/control/status_page.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/control/certs_summary.h"
#include "common/control/control_command.h"
#include "common/control/describe.h"
#include "common/control/fleet.h"
#include "common/control/history.h"
#include "common/control/lookup.h"
#include "common/control/status_page_html.h"
#include "common/engine/daemon.h"
#include "common/net/http.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_SIZE    32
#define HASH_TEXT    48 /* its base64, with a NUL */
#define HEADERS_SIZE 512

#define EDICTS_SHOWN 12

struct status_page {
    struct control_host host;
    struct event *minute;
    struct history history;
    struct fleet *fleet;
    char headers[HEADERS_SIZE];
    struct http_route routes[4];
};

/* Of what stands between two tags: that is what a browser hashes. */
static void hash_between(
    const char *begin, const char *end, char text[HASH_TEXT])
{
    unsigned char hash[HASH_SIZE];
    const char *from = strstr(status_page_html, begin) + strlen(begin);
    const char *to = strstr(from, end);

    int done =
        EVP_Digest(from, (size_t)(to - from), hash, NULL, EVP_sha256(), NULL);
    assert(done == 1);
    (void)done;
    EVP_EncodeBlock((unsigned char *)text, hash, sizeof hash);
}

static void write_headers(char headers[HEADERS_SIZE])
{
    char style[HASH_TEXT], script[HASH_TEXT];

    hash_between("<style>", "</style>", style);
    hash_between("<script>", "</script>", script);
    int len = snprintf(headers, HEADERS_SIZE,
        "Content-Security-Policy: default-src 'none'; connect-src 'self'; "
        "style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "Cross-Origin-Resource-Policy: same-origin\r\n",
        style, script);
    assert(len > 0 && len < HEADERS_SIZE);
    (void)len;
}

static int page_html(struct evbuffer *body, void *context)
{
    evbuffer_add(body, status_page_html, sizeof status_page_html - 1);
    return 200;
}

static json_t *certificates_of(const struct control_host *host)
{
    const struct config *config = engine_config(daemon_engine(host->daemon));

    if (host->certs == NULL)
        return json_array();
    json_t *check = certs_summary_check(
        host->certs, config->certificate_expiry_warning_ms / 1000, false);
    json_t *list = json_incref(json_object_get(check, "certificates"));
    json_decref(check);
    return list;
}

static struct history_totals totals_of(const struct status_page *page)
{
    return history_totals_of(engine_metrics(daemon_engine(page->host.daemon)));
}

static void on_minute(evutil_socket_t fd, short what, void *context)
{
    struct status_page *page = context;
    const struct history_totals totals = totals_of(page);

    history_look(&page->history, &totals, clock_monotonic_ms());
}

static void begin_history(struct status_page *page)
{
    const struct timeval every = {.tv_sec = HISTORY_MINUTE_MS / 1000};

    page->minute = event_new(
        daemon_base(page->host.daemon), -1, EV_PERSIST, on_minute, page);
    assert(page->minute != NULL);
    event_add(page->minute, &every);
    on_minute(-1, 0, page);
}

/* null for those who may see numbers only. */
static void add_names(const struct control_host *host, json_t *all)
{
    bool is_shown = engine_config(daemon_engine(host->daemon))->http_status;
    const struct {
        const char *name;
        json_t *value;
    } parts[] = {
        {"peers", is_shown ? describe_peers(host) : json_null()},
        {"top", is_shown ? describe_refused(host) : json_null()},
        {"bans", is_shown ? describe_bans(host, EDICTS_SHOWN) : json_null()},
        {"overrides",
            is_shown ? describe_overrides(host, EDICTS_SHOWN) : json_null()},
    };

    json_object_set_new(all, "names", json_boolean(is_shown));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        json_object_set_new(all, parts[i].name, parts[i].value);
}

/* Any local user gets here: addresses and logins are shown only where
 * http_status says so. The control socket knows who asks. */
static int page_json(struct evbuffer *body, void *context)
{
    const struct status_page *page = context;
    const struct history_totals totals = totals_of(page);
    json_t *all = json_pack("{s:I, s:o, s:o, s:o}", "now",
        (json_int_t)clock_wall_s(), "status", describe_status(&page->host),
        "certificates", certificates_of(&page->host), "history",
        history_describe(&page->history, &totals, clock_monotonic_ms()));
    json_object_set_new(all, "daemons", fleet_describe(page->fleet));
    add_names(&page->host, all);
    char *text = json_dumps(all, JSON_COMPACT | JSON_ENSURE_ASCII);

    json_decref(all);
    if (text == NULL)
        return 503;
    evbuffer_add_printf(body, "%s\n", text);
    free(text);
    return 200;
}

static void page_lookup(
    struct http_visit *visit, const char *query, void *context)
{
    const struct status_page *page = context;

    lookup_begin(visit, query, &page->host);
}

struct status_page *status_page_new(const struct control_host *host)
{
    struct status_page *page = xcalloc(1, sizeof *page);

    page->host = *host;
    write_headers(page->headers);
    begin_history(page);
    page->fleet = fleet_new(host->daemon);
    page->routes[0] = (struct http_route){
        "/", "text/html; charset=utf-8", page->headers, page_html, false, NULL};
    page->routes[1] = (struct http_route){"/status.json", "application/json",
        page->headers, page_json, true, NULL};
    page->routes[2] = (struct http_route){"/lookup.json", "application/json",
        page->headers, NULL, true, page_lookup};
    daemon_show_pages(host->daemon, page->routes, page);
    return page;
}

void status_page_free(struct status_page **page_p)
{
    struct status_page *page = *page_p;

    if (page == NULL)
        return;
    daemon_show_pages(page->host.daemon, NULL, NULL);
    event_free(page->minute);
    fleet_free(&page->fleet);
    free(page);
    *page_p = NULL;
}
