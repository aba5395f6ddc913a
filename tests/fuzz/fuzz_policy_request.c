/*
 * fuzz_policy_request.c - a policy request means the same wherever it is cut
 * in two.
 */
#include "policyd/policy_request.h"
#include "tests/fuzz/attr_feed.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void require_same(
    const struct policy_request *a, const struct policy_request *b)
{
    FUZZ_REQUIRE(a->is_policy == b->is_policy && a->state == b->state);
    FUZZ_REQUIRE(a->recipient_count == b->recipient_count);
    FUZZ_REQUIRE(a->size == b->size);
    FUZZ_REQUIRE(strcmp(a->client_address, b->client_address) == 0);
    FUZZ_REQUIRE(strcmp(a->instance, b->instance) == 0);
    FUZZ_REQUIRE(strcmp(a->sasl_username, b->sasl_username) == 0);
    FUZZ_REQUIRE(strcmp(a->sender, b->sender) == 0);
    FUZZ_REQUIRE(strcmp(a->recipient, b->recipient) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct policy_request whole, parts;
    const char *bytes = (const char *)data + 1;

    if (size == 0)
        return 0;
    size--;
    bool has_nul = memchr(bytes, '\0', size) != NULL;
    policy_request_reset(&whole);
    policy_request_reset(&parts);
    enum attr_result result =
        attr_feed(bytes, size, size, policy_request_set, &whole);
    enum attr_result in_parts = attr_feed(
        bytes, size, data[0] % (size + 1), policy_request_set, &parts);
    /* A NUL behind a request may be seen with it, or after it. */
    FUZZ_REQUIRE(has_nul || in_parts == result);
    if (result != ATTR_DONE || in_parts != ATTR_DONE)
        return 0;
    require_same(&whole, &parts);
    FUZZ_REQUIRE((policy_request_check(&whole) == NULL) ==
                 (policy_request_check(&parts) == NULL));
    return 0;
}
