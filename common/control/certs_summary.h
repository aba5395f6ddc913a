/*
 * certs_summary.h - which certificates need somebody's attention.
 */
#ifndef TOLLGATE_CONTROL_CERTS_SUMMARY_H
#define TOLLGATE_CONTROL_CERTS_SUMMARY_H

#include <jansson.h>
#include <stdint.h>

struct certs;

/* {"good":bool,"within_s":N,"certificates":[{title, not_after, left_s,
 * problem, good}]}: of each section the chain that ends first. */
json_t *certs_summary_check(const struct certs *, uint64_t within_s);

/* {"sections":N,"missing":N,"soonest":{title, not_after, left_s} or null} */
json_t *certs_summary_status(const struct certs *);

#endif
