/*
 * address.c - reads, writes and compares addresses.
 *
 * IPv4 is read and all is written here, because both happen for every request
 * and inet_pton and inet_ntop were 5 % of a decision; IPv6 is written in the
 * form of RFC 5952, and reading it is left to inet_pton, which is strict. What
 * is not an address is not an error: it is ADDRESS_NONE.
 */
#include "common/base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static void address_set_ipv4(struct address *address, const void *bytes)
{
    *address = (struct address){.family = ADDRESS_IPV4};
    memcpy(address->bytes, bytes, 4);
}

static void address_set_ipv6(struct address *address, const uint8_t *bytes)
{
    if (memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0) {
        address_set_ipv4(address, bytes + sizeof mapped_prefix);
        return;
    }
    address->family = ADDRESS_IPV6;
    memcpy(address->bytes, bytes, sizeof address->bytes);
}

/* Takes "[" "]" and "IPv6:" away; true if what is left must be IPv6. */
static bool address_unwrap(const char **text, size_t *len)
{
    static const char prefix[] = "IPv6:";
    size_t prefix_len = sizeof prefix - 1;

    if (*len >= 2 && (*text)[0] == '[' && (*text)[*len - 1] == ']') {
        *text += 1;
        *len -= 2;
    }
    if (*len < prefix_len || strncasecmp(*text, prefix, prefix_len) != 0)
        return false;
    *text += prefix_len;
    *len -= prefix_len;
    return true;
}

/* 0 to 255 without leading zeros; returns where it ends, or NULL. */
static const char *read_octet(const char *at, const char *end, uint8_t *octet_r)
{
    const char *begin = at;
    unsigned value = 0;

    for (; at < end && *at >= '0' && *at <= '9' && value <= 255; at++)
        value = value * 10 + (unsigned)(*at - '0');
    if (at == begin || value > 255 || (*begin == '0' && at > begin + 1))
        return NULL;
    *octet_r = (uint8_t)value;
    return at;
}

static bool read_ipv4(const char *text, size_t len, struct address *address_r)
{
    const char *at = text, *end = text + len;
    uint8_t bytes[4];

    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i > 0 && (at == end || *at++ != '.'))
            return false;
        at = read_octet(at, end, &bytes[i]);
        if (at == NULL)
            return false;
    }
    if (at != end)
        return false;
    address_set_ipv4(address_r, bytes);
    return true;
}

static bool read_ipv6(const char *text, size_t len, struct address *address_r)
{
    char copy[ADDRESS_TEXT_SIZE];
    uint8_t bytes[16];

    if (len >= sizeof copy || memchr(text, '\0', len) != NULL)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET6, copy, bytes) != 1)
        return false;
    address_set_ipv6(address_r, bytes);
    return true;
}

bool address_parse(const char *text, size_t len, struct address *address_r)
{
    *address_r = (struct address){.family = ADDRESS_NONE};
    if (read_ipv4(text, len, address_r))
        return true;
    bool needs_ipv6 = address_unwrap(&text, &len);
    return (!needs_ipv6 && read_ipv4(text, len, address_r)) ||
           read_ipv6(text, len, address_r);
}

bool address_from_sockaddr(
    const struct sockaddr *sa, struct address *address_r, uint16_t *port_r)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    uint16_t port = 0;

    *address_r = (struct address){.family = ADDRESS_NONE};
    if (sa->sa_family == AF_INET) {
        memcpy(&in, sa, sizeof in);
        address_set_ipv4(address_r, &in.sin_addr);
        port = in.sin_port;
    } else if (sa->sa_family == AF_INET6) {
        memcpy(&in6, sa, sizeof in6);
        address_set_ipv6(address_r, in6.sin6_addr.s6_addr);
        port = in6.sin6_port;
    }
    if (port_r != NULL)
        *port_r = ntohs(port);
    return address_r->family != ADDRESS_NONE;
}

socklen_t address_to_sockaddr(const struct address *address, uint16_t port,
    struct sockaddr_storage *storage_r)
{
    *storage_r = (struct sockaddr_storage){0};
    if (address->family == ADDRESS_IPV4) {
        struct sockaddr_in in4 = {
            .sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&in4.sin_addr, address->bytes, sizeof in4.sin_addr);
        memcpy(storage_r, &in4, sizeof in4);
        return sizeof in4;
    }
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&in6.sin6_addr, address->bytes, sizeof in6.sin6_addr);
    memcpy(storage_r, &in6, sizeof in6);
    return sizeof in6;
}

static char *write_decimal(char *out, unsigned value)
{
    if (value >= 100)
        *out++ = (char)('0' + value / 100);
    if (value >= 10)
        *out++ = (char)('0' + value / 10 % 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

static char *write_hex(char *out, unsigned value)
{
    static const char digits[] = "0123456789abcdef";
    int shift = 12;
    while (shift > 0 && value >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *out++ = digits[value >> shift & 0xf];
    return out;
}

static void format_ipv4(const uint8_t *bytes, char *out)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *out++ = '.';
        out = write_decimal(out, bytes[i]);
    }
    *out = '\0';
}

struct run {
    int start, len;
};

/* The first of the longest runs of zero groups; a single one is no run. */
static struct run longest_zero_run(const unsigned groups[8])
{
    struct run best = {.start = -1, .len = 1};
    for (int i = 0; i < 8; i++) {
        int end = i;
        while (end < 8 && groups[end] == 0)
            end++;
        if (end - i > best.len)
            best = (struct run){.start = i, .len = end - i};
        if (end > i)
            i = end;
    }
    return best;
}

static void format_ipv6(const uint8_t *bytes, char *out)
{
    unsigned groups[8];
    for (int i = 0; i < 8; i++)
        groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    struct run zeros = longest_zero_run(groups);
    bool needs_colon = false;
    for (int i = 0; i < 8; i++) {
        if (i == zeros.start) {
            *out++ = ':';
            *out++ = ':';
            i += zeros.len - 1;
            needs_colon = false;
            continue;
        }
        if (needs_colon)
            *out++ = ':';
        out = write_hex(out, groups[i]);
        needs_colon = true;
    }
    *out = '\0';
}

char *address_format(
    const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
    if (address->family == ADDRESS_IPV4)
        format_ipv4(address->bytes, text);
    else if (address->family == ADDRESS_IPV6)
        format_ipv6(address->bytes, text);
    else
        memcpy(text, "unknown", sizeof "unknown");
    return text;
}

unsigned address_bits(const struct address *address)
{
    if (address->family == ADDRESS_IPV4)
        return 32;
    return address->family == ADDRESS_IPV6 ? 128 : 0;
}

bool address_embedded(const struct address *address, unsigned prefix_length,
    struct address *ipv4_r)
{
    size_t at = prefix_length / 8;
    uint8_t bytes[4];

    if (prefix_length % 8 != 0 || prefix_length < 32 ||
        (prefix_length > 64 && prefix_length != 96))
        return false;
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (at == 8) /* the octet that is always 0 */
            at++;
        bytes[i] = address->bytes[at++];
    }
    address_set_ipv4(ipv4_r, bytes);
    return true;
}

void address_mask(struct address *address, unsigned prefix_length)
{
    unsigned whole = prefix_length / 8;
    if (whole >= sizeof address->bytes)
        return;
    address->bytes[whole] &= (uint8_t)(0xff00 >> prefix_length % 8);
    memset(address->bytes + whole + 1, 0, sizeof address->bytes - whole - 1);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->family == b->family &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
