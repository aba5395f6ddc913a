/*
 * fuzz_acme.c - any acme.json: a look ends, holds what it promises, and takes
 * the text apart the same in steps of any size.
 */
#include "common/certs/json_split.h"
#include "common/certs/source.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <unistd.h>

#define OBJECTS_MAX 20

static enum json_split_result take_apart(
    struct json_split *split, const uint8_t *data, size_t size, size_t step)
{
    enum json_split_result result;

    json_split_init(split, (const char *)data, size, OBJECTS_MAX);
    while ((result = json_split_step(split, step)) == JSON_SPLIT_MORE)
        continue;
    return result;
}

static void try_split(const uint8_t *data, size_t size)
{
    struct json_split whole, parts;
    enum json_split_result result = take_apart(&whole, data, size, size + 1);

    FUZZ_REQUIRE(take_apart(&parts, data, size, 3) == result);
    FUZZ_REQUIRE(whole.count == parts.count && whole.count <= OBJECTS_MAX);
    FUZZ_REQUIRE(whole.frame_len == parts.frame_len);
    FUZZ_REQUIRE(memcmp(whole.frame, parts.frame, whole.frame_len) == 0);
    for (size_t i = 0; i < whole.count; i++) {
        const struct json_split_object *object = &whole.objects[i];
        FUZZ_REQUIRE(object->at == parts.objects[i].at);
        FUZZ_REQUIRE(object->len >= 2 && object->at + object->len <= size);
        FUZZ_REQUIRE(data[object->at] == '{');
    }
    json_split_clear(&whole);
    json_split_clear(&parts);
}

static void try_look(const uint8_t *data, size_t size)
{
    char path[32], name[] = "mail.example.com";
    char *names[] = {name, NULL};
    struct look look;

    fuzz_file(path, data, size);
    struct config_certificate_source source = {
        .kind = CERTIFICATE_TRAEFIK, .paths = {path, NULL}};
    const struct config_certificate config = {
        .names = names, .sources = &source, .source_count = 1};
    look_begin(&look, &config);
    while (look_step(&look))
        continue;
    unlink(path);
    FUZZ_REQUIRE(look.count <= CANDIDATES_MAX);
    for (size_t i = 0; i < look.count; i++) {
        const struct candidate *one = &look.items[i];
        FUZZ_REQUIRE((one->chain == NULL) == (one->problem != NULL));
        FUZZ_REQUIRE(strstr(one->where, path) == one->where);
        FUZZ_REQUIRE(one->chain == NULL || chain_covers(one->chain, name));
    }
    look_clear(&look);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_split(data, size);
    try_look(data, size);
    return 0;
}
