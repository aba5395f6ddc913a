/*
 * explain_answer.h - a dry decision, check by check.
 *
 * Reads what the engine has left in the decision; decides nothing itself.
 */
#ifndef TOLLGATE_CONTROL_EXPLAIN_ANSWER_H
#define TOLLGATE_CONTROL_EXPLAIN_ANSWER_H

#include "common/engine/engine.h"

#include <jansson.h>

/*
 * {"face","event","checks":[{"check","outcome","text"}],"limits":[...],
 * "verdict","reason","reply"}. outcome: "passed" "refused" "would-refuse"
 * "skipped" "assumed" "exempt" "ends" (passes, and nothing more is asked)
 * "not-reached". A limit that is skipped says whether it is one that an exempt
 * client is free of.
 */
json_t *explain_answer(const struct decision *);

#endif
