/*
 * certs_summary.h - which certificates need somebody's attention.
 */
#ifndef TOLLGATE_CONTROL_CERTS_SUMMARY_H
#define TOLLGATE_CONTROL_CERTS_SUMMARY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct certs;

/*
 * {"good":bool,"within_s":N,"certificates":[{title, not_after, life_s, left_s,
 * problem, good}]}: of each section the chain that ends first. It is good if
 * more than within_s is left; unless is_exact, if more is left than the daemon
 * would warn of with within_s as certificate_expiry_warning (chain_warning_s).
 */
json_t *certs_summary_check(
    const struct certs *, uint64_t within_s, bool is_exact);

/* {"sections":N,"missing":N,"soonest":{title, not_after, left_s} or null} */
json_t *certs_summary_status(const struct certs *);

#endif
