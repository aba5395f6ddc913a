/*
 * fuzz_anvil_request.c - any request of anvil's protocol is answered within
 * the bounds of an answer, or malformed.
 */
#include "policyd/anvil_ident.h"
#include "policyd/anvil_request.h"
#include "tests/fuzz/attr_feed.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const char *set(void *context, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
    return anvil_request_set(context, name, name_len, value, value_len);
}

static void require_answer(const struct anvil_request *request)
{
    static const struct anvil_numbers most = {UINT32_MAX, UINT32_MAX,
        UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    char text[ANVIL_ANSWER_SIZE];
    struct anvil_ident ident;

    size_t len = anvil_answer_format(request->kind, &most, text);
    FUZZ_REQUIRE(len >= 2 && len < sizeof text);
    FUZZ_REQUIRE(memcmp(text + len - 2, "\n\n", 2) == 0);
    if (anvil_ident_split(request->ident, &ident)) {
        FUZZ_REQUIRE(strlen(ident.service) < sizeof ident.service);
        FUZZ_REQUIRE(ident.client_text > request->ident);
        FUZZ_REQUIRE(ident.client_text <= strchr(request->ident, '\0'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct anvil_request whole = {0}, parts = {0};
    const char *bytes = (const char *)data + 1;

    if (size == 0)
        return 0;
    size--;
    bool has_nul = memchr(bytes, '\0', size) != NULL;
    enum attr_result result = attr_feed(bytes, size, size, set, &whole);
    enum attr_result in_parts =
        attr_feed(bytes, size, data[0] % (size + 1), set, &parts);
    /* A NUL behind a request may be seen with it, or after it. */
    FUZZ_REQUIRE(has_nul || in_parts == result);
    if (result != ATTR_DONE || in_parts != ATTR_DONE)
        return 0;
    FUZZ_REQUIRE(whole.kind == parts.kind);
    FUZZ_REQUIRE(strcmp(whole.ident, parts.ident) == 0);
    if (anvil_request_check(&whole) == NULL)
        require_answer(&whole);
    return 0;
}
