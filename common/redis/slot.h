/*
 * slot.h - which of a Cluster's 16384 slots a key is in.
 *
 * Pure. Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/
 * cluster-spec/ (CRC16 of XMODEM; what stands in the first braces alone).
 */
#ifndef TOLLGATE_REDIS_SLOT_H
#define TOLLGATE_REDIS_SLOT_H

#include <stddef.h>

#define REDIS_SLOTS 16384

/* Of the text that stands in the braces. */
unsigned redis_slot_of_tag(const char *tag, size_t len);

#endif
