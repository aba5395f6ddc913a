/*
 * anvil_offer.h - the helper's end of the hand-over: offer smtpd's connection
 * to policyd, and take the offer back if nobody takes it.
 *
 * Blocks, for at most its patience; not at all if policyd is not there. After
 * it returns the connection belongs to exactly one of the two.
 */
#ifndef TOLLGATE_POLICYD_ANVIL_OFFER_H
#define TOLLGATE_POLICYD_ANVIL_OFFER_H

#include "policyd/anvil_pass.h"

#include <stdint.h>

enum anvil_offer_result {
    ANVIL_OFFER_TAKEN,
    ANVIL_OFFER_AWAY, /* nobody listens, or policyd went; *errno_r says why */
    ANVIL_OFFER_HUNG, /* no answer within the patience */
};

/* state: ANVIL_PASS_NEW or ANVIL_PASS_GREETED. A path that is too long for a
 * unix socket is AWAY with ENAMETOOLONG. */
enum anvil_offer_result anvil_offer(const char *path, char state,
    int descriptor, int patience_ms, int *errno_r);

/* Milliseconds of a clock that only goes forward. */
int64_t anvil_offer_clock_ms(void);

#endif
