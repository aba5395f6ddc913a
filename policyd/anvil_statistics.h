/*
 * anvil_statistics.h - anvil's "statistics: max ..." lines.
 *
 * Log tools read these lines of Postfix's own anvil, so their words, their
 * order and their time format are anvil's: the peak of each counter since the
 * last report, whose it was and when. Pure; the clock is an argument.
 *
 * Source: Postfix 3.7 anvil(8), LOGGING.
 */
#ifndef TOLLGATE_POLICYD_ANVIL_STATISTICS_H
#define TOLLGATE_POLICYD_ANVIL_STATISTICS_H

#include "policyd/anvil_request.h"

#include <time.h>

/* In the order in which they are reported. */
enum anvil_peak {
    ANVIL_PEAK_CONNECTION_RATE,
    ANVIL_PEAK_CONNECTION_COUNT,
    ANVIL_PEAK_MESSAGE,
    ANVIL_PEAK_RECIPIENT,
    ANVIL_PEAK_NEWTLS,
    ANVIL_PEAK_AUTH,
    ANVIL_PEAK_CACHE_SIZE, /* has no ident */
    ANVIL_PEAKS,
};

/* All zero: nothing seen. */
struct anvil_statistics {
    struct {
        uint64_t value;
        time_t when;
        char ident[ANVIL_IDENT_SIZE];
    } peaks[ANVIL_PEAKS];
};

/* Remembered if it is higher than all since the last report. */
void anvil_statistics_note(struct anvil_statistics *, enum anvil_peak,
    uint64_t value, const char *ident, time_t now);

/* One call per line, for counters that were seen; then forgets them all. */
void anvil_statistics_report(struct anvil_statistics *, uint64_t unit_ms,
    void (*write_line)(const char *line));

#endif
