/*
 * replay.c - main of a fuzz target where there is no libFuzzer.
 *
 * Plays each seed in tests/data/fuzz/NAME (the program is fuzz_NAME), and every
 * beginning of it, since requests come in parts. Prints TAP. A finding ends
 * the process, and with it the test.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#define PREFIXES_MAX 300 /* of one seed, spread over its length */

static char *file_read(const char *path, size_t *size_r)
{
    FILE *file = fopen(path, "rb");
    struct stat status;

    if (file == NULL || fstat(fileno(file), &status) == -1 ||
        !S_ISREG(status.st_mode)) {
        if (file != NULL)
            fclose(file);
        return NULL;
    }
    *size_r = (size_t)status.st_size;
    /* Of exactly that size, so that a sanitizer sees a read beyond it. */
    char *bytes = malloc(*size_r + (*size_r == 0));
    FUZZ_REQUIRE(bytes != NULL && fread(bytes, 1, *size_r, file) == *size_r);
    fclose(file);
    return bytes;
}

static void play_beginning(const char *bytes, size_t size)
{
    uint8_t *copy = malloc(size + (size == 0));

    FUZZ_REQUIRE(copy != NULL);
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static size_t play(const char *path)
{
    size_t size, count = 0;
    char *bytes = file_read(path, &size);

    if (bytes == NULL)
        return 0;
    size_t step = size / PREFIXES_MAX + 1;
    for (size_t end = 0; end < size; end += step, count++)
        play_beginning(bytes, end);
    play_beginning(bytes, size);
    free(bytes);
    return count + 1;
}

int main(int argc, char **argv)
{
    const char *source = getenv("srcdir");
    const char *name = strstr(argv[0], "fuzz_");
    char folder[4096], path[8192];
    size_t seeds = 0, inputs = 0;

    FUZZ_REQUIRE(name != NULL);
    snprintf(folder, sizeof folder, "%s/tests/data/fuzz/%s",
        source != NULL ? source : ".", name + strlen("fuzz_"));
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        size_t played = play(path);
        seeds += played > 0;
        inputs += played;
    }
    if (dir != NULL)
        closedir(dir);
    printf("%s 1 - %zu inputs from %zu seeds in %s\n1..1\n",
        seeds > 0 ? "ok" : "not ok", inputs, seeds, folder);
    return seeds > 0 ? 0 : 1;
}
