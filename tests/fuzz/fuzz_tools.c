/*
 * fuzz_tools.c - texts and files out of an input.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <unistd.h>

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = strndup(size > 0 ? (const char *)data : "", size);

    FUZZ_REQUIRE(text != NULL);
    return text;
}

void fuzz_file(char *path_r, const void *data, size_t size)
{
    memcpy(path_r, "/tmp/tg-fuzz.XXXXXX", sizeof "/tmp/tg-fuzz.XXXXXX");
    int fd = mkstemp(path_r);
    FUZZ_REQUIRE(fd != -1);
    FUZZ_REQUIRE(write(fd, data, size) == (ssize_t)size);
    close(fd);
}
