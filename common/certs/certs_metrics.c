/*
 * certs_metrics.c - see certs_metrics.h. Reads, never counts. Labels are
 * titles of sections, which configuration has checked.
 */
#include "common/certs/certs_metrics.h"

#include <event2/buffer.h>
#include <inttypes.h>

static void write_head(
    struct evbuffer *out, const char *name, const char *type, const char *help)
{
    evbuffer_add_printf(
        out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_dates(struct certificate *const *items, size_t count,
    bool is_end, struct evbuffer *out)
{
    const char *name = is_end ? "tollgate_certificate_not_after_seconds"
                              : "tollgate_certificate_not_before_seconds";

    write_head(out, name, "gauge",
        is_end ? "When the certificate in use ends, in unix time."
               : "When the certificate in use was issued, in unix time.");
    for (size_t i = 0; i < count; i++)
        for (unsigned a = 0; a < CHAIN_ALGORITHMS; a++)
            if (items[i]->chains[a] != NULL)
                evbuffer_add_printf(out,
                    "%s{certificate=\"%s\",algorithm=\"%s\"} %" PRId64 "\n",
                    name, items[i]->config->title,
                    chain_algorithm_name((enum chain_algorithm)a),
                    is_end ? items[i]->chains[a]->not_after
                           : items[i]->chains[a]->issued_at);
}

static void write_each(struct certificate *const *items, size_t count,
    const char *name, uint64_t (*value)(const struct certificate *),
    struct evbuffer *out)
{
    for (size_t i = 0; i < count; i++)
        evbuffer_add_printf(out, "%s{certificate=\"%s\"} %" PRIu64 "\n", name,
            items[i]->config->title, value(items[i]));
}

static uint64_t has_problem(const struct certificate *certificate)
{
    return certificate->problem != NULL ? 1 : 0;
}

static uint64_t failures(const struct certificate *certificate)
{
    return certificate->failures;
}

static void write_verified(
    struct certificate *const *items, size_t count, struct evbuffer *out)
{
    write_head(out, "tollgate_certificate_verify_failed", "gauge",
        "1 while what is served is not what was published: see the log.");
    for (size_t i = 0; i < count; i++)
        if (items[i]->config->verify_count > 0)
            evbuffer_add_printf(out,
                "tollgate_certificate_verify_failed{certificate=\"%s\"} %d\n",
                items[i]->config->title,
                verification_has_failed(items[i]) ? 1 : 0);
}

void certs_metrics_write(
    struct certificate *const *items, size_t count, struct evbuffer *out)
{
    if (count == 0)
        return;
    write_dates(items, count, true, out);
    write_dates(items, count, false, out);
    write_head(out, "tollgate_certificate_source_problem", "gauge",
        "1 while something is wrong at the source: see the log.");
    write_each(
        items, count, "tollgate_certificate_source_problem", has_problem, out);
    write_head(out, "tollgate_certificate_failures_total", "counter",
        "Failed attempts to publish a certificate or to run on_change.");
    write_each(
        items, count, "tollgate_certificate_failures_total", failures, out);
    write_verified(items, count, out);
}
