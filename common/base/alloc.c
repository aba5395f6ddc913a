/*
 * alloc.c - allocation that ends the process instead of failing.
 *
 * Writes one fixed line to stderr before abort(): the log may itself need
 * memory.
 */
#include "common/base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *memory_or_die(void *memory)
{
    static const char text[] = "out of memory\n";
    if (memory != NULL)
        return memory;
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written; /* nothing is left to do about it */
    abort();
}

void *xcalloc(size_t count, size_t size)
{
    /* calloc(0) may return NULL without being out of memory. */
    if (count == 0 || size == 0)
        count = size = 1;
    return memory_or_die(calloc(count, size));
}

void *xmap(size_t size)
{
    void *pages = mmap(
        NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory_or_die(pages == MAP_FAILED ? NULL : pages);
}

void xunmap(void *pages, size_t size)
{
    if (pages != NULL)
        munmap(pages, size);
}

void *xrealloc(void *memory, size_t size)
{
    return memory_or_die(realloc(memory, size == 0 ? 1 : size));
}

char *xstrdup(const char *text)
{
    return memory_or_die(strdup(text));
}

void xfree_texts(char **texts)
{
    for (char **text = texts; text != NULL && *text != NULL; text++)
        free(*text);
    free(texts);
}

char *xprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    return memory_or_die(len < 0 ? NULL : text);
}
