/*
 * certs_summary.c - see certs_summary.h.
 *
 * A section without any certificate is as bad as one that has ended: there is
 * nothing to serve.
 */
#include "common/control/certs_summary.h"

#include "common/base/clock.h"
#include "common/certs/certs.h"
#include "common/certs/chain.h"
#include "common/control/control_command.h"

/* NULL: there is none. */
static const struct certs_chain *first_to_end(const struct certs_report *report)
{
    const struct certs_chain *first = NULL;

    for (size_t i = 0; i < report->chain_count; i++)
        if (first == NULL || report->chains[i].not_after < first->not_after)
            first = &report->chains[i];
    return first;
}

static int64_t left_s(const struct certs_chain *chain)
{
    return chain->not_after - clock_wall_s();
}

static int64_t needed_s(const struct certs_report *report,
    const struct certs_chain *chain, uint64_t within_s, bool is_exact)
{
    int64_t bound_s = report->expiry_warning_s != 0 ? report->expiry_warning_s
                                                    : (int64_t)within_s;

    if (is_exact)
        return (int64_t)within_s;
    return chain_warning_s(chain->issued_at, chain->not_after, bound_s);
}

static json_t *check_one(const struct certs_report *report, uint64_t within_s,
    bool is_exact, bool *is_good_r)
{
    const struct certs_chain *chain = first_to_end(report);

    const char *problem = report->verify.has_failed && report->problem == NULL
                              ? report->verify.problem
                              : report->problem;

    *is_good_r = chain != NULL && !report->verify.has_failed &&
                 left_s(chain) > needed_s(report, chain, within_s, is_exact);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "title",
        control_text(report->title), "not_after",
        chain != NULL ? json_integer(chain->not_after) : json_null(), "life_s",
        chain != NULL ? json_integer(chain->not_after - chain->issued_at)
                      : json_null(),
        "left_s", chain != NULL ? json_integer(left_s(chain)) : json_null(),
        "problem", control_text(problem), "good", *is_good_r);
}

json_t *certs_summary_check(
    const struct certs *certs, uint64_t within_s, bool is_exact)
{
    json_t *list = json_array();
    struct certs_report report;
    bool are_good = true, is_good;

    for (size_t i = 0; certs_report(certs, i, &report); i++) {
        json_array_append_new(
            list, check_one(&report, within_s, is_exact, &is_good));
        are_good = are_good && is_good;
    }
    return json_pack("{s:b, s:I, s:o}", "good", are_good, "within_s",
        (json_int_t)within_s, "certificates", list);
}

json_t *certs_summary_status(const struct certs *certs)
{
    json_t *soonest = json_null();
    int64_t soonest_end = INT64_MAX;
    struct certs_report report;
    int sections = 0, missing = 0, unserved = 0;

    for (size_t i = 0; certs_report(certs, i, &report); i++) {
        const struct certs_chain *chain = first_to_end(&report);
        sections++;
        missing += chain == NULL ? 1 : 0;
        unserved += report.verify.has_failed ? 1 : 0;
        if (chain == NULL || chain->not_after >= soonest_end)
            continue;
        soonest_end = chain->not_after;
        json_decref(soonest);
        soonest = json_pack("{s:o, s:I, s:I}", "title",
            control_text(report.title), "not_after",
            (json_int_t)chain->not_after, "left_s", (json_int_t)left_s(chain));
    }
    return json_pack("{s:i, s:i, s:i, s:o}", "sections", sections, "missing",
        missing, "unserved", unserved, "soonest", soonest);
}
