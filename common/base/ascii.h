/*
 * ascii.h - letters, whatever the locale is.
 */
#ifndef TOLLGATE_BASE_ASCII_H
#define TOLLGATE_BASE_ASCII_H

/* A capital in lower case; any other byte as it is. */
static inline char ascii_fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

#endif
