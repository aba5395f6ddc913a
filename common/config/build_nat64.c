/*
 * build_nat64.c - clients whose IPv6 address stands for an IPv4 one.
 *
 * All IPv4 clients of a translator share one /64, so by it they would be one
 * client; by their IPv4 address they are those that they are to everybody
 * else.
 */
#include "common/config/build.h"

#include <string.h>

static const uint8_t well_known[12] = {0x00, 0x64, 0xff, 0x9b};

/* That come from no public place; of each the bits that count. */
static const struct {
    uint8_t bytes[2], mask[2];
} special[] = {
    {{0, 0}, {0xff, 0}},
    {{10, 0}, {0xff, 0}},
    {{100, 64}, {0xff, 0xc0}},
    {{127, 0}, {0xff, 0}},
    {{169, 254}, {0xff, 0xff}},
    {{172, 16}, {0xff, 0xf0}},
    {{192, 168}, {0xff, 0xff}},
    {{224, 0}, {0xe0, 0}},
};

static bool is_special(const struct address *ipv4)
{
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if ((ipv4->bytes[0] & special[i].mask[0]) == special[i].bytes[0] &&
            (ipv4->bytes[1] & special[i].mask[1]) == special[i].bytes[1])
            return true;
    return false;
}

bool build_check_nat64(const struct config *config, struct error *err)
{
    struct address ignored;

    for (size_t i = 0; i < config->nat64_prefixes.count; i++) {
        const struct cidr *prefix = &config->nat64_prefixes.items[i];
        char text[CIDR_TEXT_SIZE];
        if (prefix->net.family == ADDRESS_IPV6 &&
            address_embedded(&prefix->net, prefix->prefix_length, &ignored))
            continue;
        const struct section *top = values_section(config->values, SECTION_TOP);
        return setting_refuse(section_setting(top, "nat64_prefixes"), err,
            "%s; allowed: IPv6 networks of 32, 40, 48, 56, 64 or 96 bits",
            cidr_format(prefix, text));
    }
    return true;
}

void config_fold_client(const struct config *config, struct cidr *client)
{
    const struct address address = client->net;
    struct address ipv4;

    if (address.family != ADDRESS_IPV6 || client->prefix_length < 128)
        return;
    for (size_t i = 0; i < config->nat64_prefixes.count; i++) {
        const struct cidr *prefix = &config->nat64_prefixes.items[i];
        if (!cidr_contains(prefix, &address) ||
            !address_embedded(&address, prefix->prefix_length, &ipv4))
            continue;
        if (memcmp(address.bytes, well_known, sizeof well_known) == 0 &&
            is_special(&ipv4))
            continue;
        *client = cidr_of(&ipv4, 32);
        return;
    }
}
