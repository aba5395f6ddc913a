/*
 * decimal.h - numbers as text, where printf would be the dearest step.
 */
#ifndef TOLLGATE_BASE_DECIMAL_H
#define TOLLGATE_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#define DECIMAL_MAX 20 /* digits */

/* Digits without a NUL, at most DECIMAL_MAX; returns how many. */
size_t decimal_write(char *out, uint64_t number);

#endif
