/*
 * health.h - does it serve? One line, for probes of container engines.
 */
#ifndef TOLLGATE_CTL_HEALTH_H
#define TOLLGATE_CTL_HEALTH_H

#include "common/base/error.h"

#include <stdbool.h>

#define HEALTH_WAIT_MS 2000 /* for each step: less than a probe's timeout */

/* "http://HOST[:PORT][/PATH]", /readyz where there is no path: false unless it
 * answers 200; text_r gets the status line or why there is none. */
bool health_http(const char *url, struct error *text_r);

#endif
