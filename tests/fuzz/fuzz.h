/*
 * fuzz.h - what every fuzz target shares.
 *
 * A target is one LLVMFuzzerTestOneInput (libFuzzer's name): it hands any bytes
 * to a parser and requires what must hold for all of them. Linked with replay.c
 * it plays its seeds in `make check`; with libFuzzer it looks for more
 * (./check --fuzz SECONDS). A finding becomes a seed in tests/data/fuzz/NAME.
 */
#ifndef TOLLGATE_TESTS_FUZZ_H
#define TOLLGATE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of a header that did not hold: ends the process. */
#define FUZZ_REQUIRE(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
                #condition); \
            abort(); \
        } \
    } while (0)

/* The bytes as a text, up to the first NUL; the caller frees it. */
char *fuzz_text(const uint8_t *data, size_t size);

/* A new file with these bytes; path_r holds at least 32 bytes. */
void fuzz_file(char *path_r, const void *data, size_t size);

#endif
