/*
 * attr_feed.c - see attr_feed.h.
 */
#include "tests/fuzz/attr_feed.h"

#include "tests/fuzz/fuzz.h"

enum attr_result attr_feed(const char *bytes, size_t len, size_t split,
    attr_handler *handler, void *context)
{
    struct attr_scan scan = {0};
    size_t used = 0, more;

    enum attr_result result =
        attr_scan(&scan, bytes, split, &used, handler, context);
    FUZZ_REQUIRE(used <= split);
    if (result == ATTR_MORE) {
        result =
            attr_scan(&scan, bytes + used, len - used, &more, handler, context);
        FUZZ_REQUIRE(more <= len - used);
    }
    FUZZ_REQUIRE(result != ATTR_BAD || scan.reason != NULL);
    return result;
}
