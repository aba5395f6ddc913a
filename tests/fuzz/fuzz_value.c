/*
 * fuzz_value.c - durations, rates, sizes, networks, addresses and the store's
 * URL: what is accepted can be written and read again, and is the same.
 */
#include "common/base/address.h"
#include "common/base/cidr.h"
#include "common/base/duration.h"
#include "common/config/redis_url.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void try_duration(const char *text, struct error *err)
{
    uint64_t ms, again;
    char written[DURATION_TEXT_SIZE];

    if (!duration_parse(text, &ms, err))
        return;
    FUZZ_REQUIRE(duration_parse(duration_format(ms, written), &again, err));
    FUZZ_REQUIRE(again == ms);
}

static void try_rate(const char *text, struct error *err)
{
    struct rate rate, again;
    char written[RATE_TEXT_SIZE];

    if (!rate_parse(text, &rate, err))
        return;
    FUZZ_REQUIRE(rate.count > 0 && rate.window_ms > 0);
    FUZZ_REQUIRE(rate_parse(rate_format(&rate, written), &again, err));
    FUZZ_REQUIRE(again.count == rate.count);
    FUZZ_REQUIRE(again.window_ms == rate.window_ms);
    FUZZ_REQUIRE(again.is_size == rate.is_size);
    FUZZ_REQUIRE(again.unit == rate.unit);
}

static void try_cidr(const char *text, struct error *err)
{
    struct cidr net, again;
    char written[CIDR_TEXT_SIZE];

    if (!cidr_parse(text, &net, err))
        return;
    FUZZ_REQUIRE(net.prefix_length <= address_bits(&net.net));
    FUZZ_REQUIRE(cidr_contains(&net, &net.net));
    FUZZ_REQUIRE(cidr_parse(cidr_format(&net, written), &again, err));
    FUZZ_REQUIRE(address_equal(&again.net, &net.net));
    FUZZ_REQUIRE(again.prefix_length == net.prefix_length);
}

static void try_address(const char *text, struct error *err)
{
    struct address address, again;
    char written[ADDRESS_TEXT_SIZE];

    if (!address_parse(text, strlen(text), &address))
        return;
    address_format(&address, written);
    FUZZ_REQUIRE(address_parse(written, strlen(written), &again));
    FUZZ_REQUIRE(address_equal(&again, &address));
}

static void try_url(const char *text, struct error *err)
{
    struct redis_url url;

    if (!redis_url_parse(text, &url, err)) {
        FUZZ_REQUIRE(err->text[0] != '\0');
        return;
    }
    char *shown = redis_url_describe(&url);
    FUZZ_REQUIRE(
        url.unix_path != NULL || url.host != NULL || url.host_count > 0);
    free(shown);
    redis_url_clear(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(const char *, struct error *) = {
        try_duration, try_rate, try_cidr, try_address, try_url};
    char *text = fuzz_text(data, size);

    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        struct error err = {{0}};
        tries[i](text, &err);
    }
    free(text);
    return 0;
}
