/*
 * fuzz_http_request.c - the head of an HTTP request.
 */
#include "common/net/http_request.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request request, longer;
    char *more = malloc(size + 1);

    FUZZ_REQUIRE(more != NULL);
    if (size > 0)
        memcpy(more, data, size);
    more[size] = 'x';
    enum http_parse result = http_request_parse(more, size, &request);
    if (result == HTTP_PARSE_DONE) {
        FUZZ_REQUIRE(strlen(request.path) < sizeof request.path);
        /* What comes after the head changes nothing. */
        FUZZ_REQUIRE(
            http_request_parse(more, size + 1, &longer) == HTTP_PARSE_DONE);
        FUZZ_REQUIRE(longer.method == request.method);
        FUZZ_REQUIRE(strcmp(longer.path, request.path) == 0);
    }
    free(more);
    return 0;
}
