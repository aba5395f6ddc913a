/*
 * certs_metrics.h - what /metrics shows of certificates.
 */
#ifndef TOLLGATE_CERTS_CERTS_METRICS_H
#define TOLLGATE_CERTS_CERTS_METRICS_H

#include "common/certs/certificate.h"

struct evbuffer;

/* Appends the lines of /metrics for all sections. */
void certs_metrics_write(
    struct certificate *const *items, size_t count, struct evbuffer *);

#endif
