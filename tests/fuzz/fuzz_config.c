/*
 * fuzz_config.c - any file is refused with a reason or loads, and what loads
 * can be shown, loaded again, and is the same.
 */
#include "common/config/config.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <unistd.h>

/* Files that a file includes are not input. */
static bool reaches_out(const char *bytes, size_t size)
{
    return memmem(bytes, size, "include", strlen("include")) != NULL ||
           memmem(bytes, size, "_FILE", strlen("_FILE")) != NULL;
}

static struct config *load(const char *bytes, size_t size)
{
    char path[32];
    struct error err = {{0}};

    fuzz_file(path, bytes, size);
    struct config_source source = {.path = path};
    struct config *config = config_load(&source, &err);
    unlink(path);
    FUZZ_REQUIRE(config != NULL || err.text[0] != '\0');
    FUZZ_REQUIRE(strchr(err.text, '\n') == NULL);
    return config;
}

static bool hides_something(const char *shown)
{
    return strstr(shown, "(hidden)") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *shown = NULL;
    size_t len = 0;

    if (size == 0 || reaches_out((const char *)data, size))
        return 0;
    struct config *config = load((const char *)data, size);
    if (config == NULL)
        return 0;
    FILE *out = open_memstream(&shown, &len);
    FUZZ_REQUIRE(out != NULL);
    config_show(config, CONFIG_SHOW_ALL, out);
    fclose(out);
    if (!hides_something(shown)) {
        struct config *again = load(shown, len);
        FUZZ_REQUIRE(again != NULL);
        FUZZ_REQUIRE(strcmp(again->hash, config->hash) == 0);
        config_unref(&again);
    }
    config_unref(&config);
    free(shown);
    return 0;
}
