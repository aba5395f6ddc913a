/*
 * per_message.h - limits of max_per_message: they need no store, for the face
 * has counted the recipients of this message.
 */
#ifndef TOLLGATE_ENGINE_PER_MESSAGE_H
#define TOLLGATE_ENGINE_PER_MESSAGE_H

#include "common/engine/engine.h"

/* False: the verdict of the decision is set, and has been logged. */
bool per_message_judge(struct decision *);

#endif
