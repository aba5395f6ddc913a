/*
 * percent.h - %XX in a URL (RFC 3986, 2.1).
 */
#ifndef TOLLGATE_BASE_PERCENT_H
#define TOLLGATE_BASE_PERCENT_H

#include <stdbool.h>

/* In place. False: a broken %XX, or one that hides a NUL; the text is then
 * decoded up to there. */
bool percent_decode(char *text);

#endif
