/*
 * fuzz_socketmap_request.c - a netstring is done, wrong or not yet whole, and
 * stays so when more comes after it.
 */
#include "policyd/socketmap_request.h"
#include "tests/fuzz/fuzz.h"

#include <ctype.h>
#include <string.h>

static void require_name(const struct socketmap_request *request)
{
    char name[SOCKETMAP_NAME_SIZE];

    if (!socketmap_request_name(request, name))
        return;
    FUZZ_REQUIRE(name[0] != '.' && name[0] != '\0');
    FUZZ_REQUIRE(strlen(name) < sizeof name);
    for (const char *c = name; *c != '\0'; c++)
        FUZZ_REQUIRE(!isupper((unsigned char)*c));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct socketmap_request request, again;
    size_t used, used_again;

    enum socketmap_result result =
        socketmap_request_parse(bytes, size, &used, &request);
    if (result == SOCKETMAP_BAD)
        FUZZ_REQUIRE(request.reason != NULL);
    if (result != SOCKETMAP_DONE)
        return 0;
    FUZZ_REQUIRE(used > 0 && used <= size);
    FUZZ_REQUIRE(request.key >= bytes);
    FUZZ_REQUIRE(request.key + request.key_len <= bytes + used);
    require_name(&request);
    FUZZ_REQUIRE(socketmap_request_parse(bytes, used, &used_again, &again) ==
                 SOCKETMAP_DONE);
    FUZZ_REQUIRE(used_again == used);
    FUZZ_REQUIRE(socketmap_request_parse(
                     bytes, used - 1, &used_again, &again) == SOCKETMAP_MORE);
    return 0;
}
