/*
 * decimal.h - numbers as text: written where printf would be the dearest step,
 * read where strtoul would take signs, blanks and what does not fit.
 */
#ifndef TOLLGATE_BASE_DECIMAL_H
#define TOLLGATE_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_MAX 20 /* digits */

/* Digits without a NUL, at most DECIMAL_MAX; returns how many. */
size_t decimal_write(char *out, uint64_t number);

/* The digits at *at, which is moved behind them. False: there are none, or they
 * say more than max; *at is then somewhere among them. */
bool decimal_read(const char **at, uint64_t max, uint64_t *number_r);

#endif
