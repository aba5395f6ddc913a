/*
 * warning.h - tells before a limit refuses: notify_at.
 */
#ifndef TOLLGATE_ENGINE_WARNING_H
#define TOLLGATE_ENGINE_WARNING_H

#include "common/engine/engine.h"

/* After the charges of a decision have been answered, where the configuration
 * warns at all (config.warns). Waits for nothing. */
void warning_judge(const struct decision *);

#endif
