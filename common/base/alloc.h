/*
 * alloc.h - allocation that cannot fail.
 *
 * Out of memory ends the process (systemd or Kubernetes starts it again), so
 * no caller has a branch that no test can reach. What a stranger can make us
 * hold is bounded elsewhere, before it is allocated.
 */
#ifndef TOLLGATE_BASE_ALLOC_H
#define TOLLGATE_BASE_ALLOC_H

#include <stddef.h>

/* calloc(3), also of 0 bytes, that ends the process where there is no memory.
 */
void *xcalloc(size_t count, size_t size) __attribute__((malloc));
/* Zeroed pages of their own, that cost nothing until they are touched. */
void *xmap(size_t size);
void xunmap(void *, size_t size);
void *xrealloc(void *memory, size_t size);
char *xstrdup(const char *text) __attribute__((malloc));
/* Each text of a list that ends with NULL, and the list; NULL is allowed. */
void xfree_texts(char **texts);
/* The whole formatted text; never cut. */
char *xprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
