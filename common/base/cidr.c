/*
 * cidr.c - networks, and sorted lists of them.
 *
 * A list keeps no network that lies inside another of its networks, so its
 * items are disjoint and in order, and one binary search answers: only the
 * last item that begins at or before an address can hold it. Adding is
 * linear; that is paid when a configuration is loaded.
 */
#include "common/base/cidr.h"

#include "common/base/alloc.h"
#include "common/base/decimal.h"

#include <stdlib.h>
#include <string.h>

/* Of the bytes alone: the caller has compared the families. */
static bool bits_equal(
    const struct address *a, const struct address *b, unsigned bits)
{
    unsigned whole = bits / 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    if (bits % 8 == 0)
        return true;
    return (a->bytes[whole] ^ b->bytes[whole]) >> (8 - bits % 8) == 0;
}

static bool prefix_length_parse(const char *text, unsigned *length_r)
{
    bool has_zeros = text[0] == '0' && text[1] != '\0';
    uint64_t length;
    if (has_zeros || !decimal_read(&text, 128, &length) || *text != '\0')
        return false;
    *length_r = (unsigned)length;
    return true;
}

/* What address_parse has folded, as the IPv6 address that was written. */
static struct address address_unfold(const struct address *ipv4)
{
    struct address mapped = {.family = ADDRESS_IPV6};
    mapped.bytes[10] = mapped.bytes[11] = 0xff;
    memcpy(mapped.bytes + 12, ipv4->bytes, 4);
    return mapped;
}

static bool cidr_refuse_host_bits(
    const char *text, struct address net, unsigned length, struct error *err)
{
    char meant[ADDRESS_TEXT_SIZE];
    address_mask(&net, length);
    return error_set(err,
        "%s: bits are set after the first %u; did you mean %s/%u?", text,
        length, address_format(&net, meant), length);
}

bool cidr_parse(const char *text, struct cidr *cidr_r, struct error *err)
{
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    struct address net;
    *cidr_r = (struct cidr){0};
    if (!address_parse(text, len, &net))
        return error_set(err,
            "%s: not a network; allowed are 192.0.2.0/24, 2001:db8::/32 or an "
            "address",
            text);

    bool was_mapped =
        net.family == ADDRESS_IPV4 && memchr(text, ':', len) != NULL;
    unsigned bits = was_mapped ? 128 : address_bits(&net);
    unsigned length = bits;
    if (slash != NULL &&
        (!prefix_length_parse(slash + 1, &length) || length > bits))
        return error_set(
            err, "%s: the number after the slash must be 0 to %u", text, bits);
    if (was_mapped && length < 96)
        return cidr_refuse_host_bits(text, address_unfold(&net), length, err);
    if (was_mapped)
        length -= 96;

    *cidr_r = cidr_of(&net, length);
    if (!address_equal(&cidr_r->net, &net))
        return cidr_refuse_host_bits(text, net, length, err);
    return true;
}

char *cidr_format(const struct cidr *cidr, char text[CIDR_TEXT_SIZE])
{
    address_format(&cidr->net, text);
    char *out = text + strlen(text);
    unsigned length = cidr->prefix_length;
    if (cidr->net.family == ADDRESS_NONE)
        return text;
    *out++ = '/';
    if (length >= 100)
        *out++ = (char)('0' + length / 100);
    if (length >= 10)
        *out++ = (char)('0' + length / 10 % 10);
    *out++ = (char)('0' + length % 10);
    *out = '\0';
    return text;
}

struct cidr cidr_of(const struct address *address, unsigned prefix_length)
{
    unsigned bits = address_bits(address);
    unsigned length = prefix_length < bits ? prefix_length : bits;
    struct cidr cidr = {.net = *address, .prefix_length = (uint8_t)length};
    address_mask(&cidr.net, length);
    return cidr;
}

bool cidr_contains(const struct cidr *cidr, const struct address *address)
{
    return cidr->net.family != ADDRESS_NONE &&
           cidr->net.family == address->family &&
           bits_equal(&cidr->net, address, cidr->prefix_length);
}

bool cidr_contains_net(const struct cidr *outer, const struct cidr *inner)
{
    return outer->prefix_length <= inner->prefix_length &&
           cidr_contains(outer, &inner->net);
}

static int address_compare(const struct address *a, const struct address *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* How many items begin at or before the address. */
static size_t cidr_list_position(
    const struct cidr_list *list, const struct address *address)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (address_compare(&list->items[middle].net, address) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Those inside cidr begin where it begins or later, so they lie together. */
static void cidr_list_remove_inside(
    struct cidr_list *list, const struct cidr *cidr, size_t from)
{
    size_t end = from;
    while (end < list->count && cidr_contains_net(cidr, &list->items[end]))
        end++;
    if (end == from)
        return;
    memmove(list->items + from, list->items + end,
        (list->count - end) * sizeof *list->items);
    list->count -= end - from;
}

bool cidr_list_add(struct cidr_list *list, const char *text, struct error *err)
{
    struct cidr cidr;
    if (!cidr_parse(text, &cidr, err))
        return false;
    if (cidr_list_contains_net(list, &cidr))
        return true;
    size_t at = cidr_list_position(list, &cidr.net);
    if (at > 0 && cidr_contains_net(&cidr, &list->items[at - 1]))
        at--;
    cidr_list_remove_inside(list, &cidr, at);
    list->items =
        xrealloc(list->items, (list->count + 1) * sizeof *list->items);
    memmove(list->items + at + 1, list->items + at,
        (list->count - at) * sizeof *list->items);
    list->items[at] = cidr;
    list->count++;
    return true;
}

bool cidr_list_contains(
    const struct cidr_list *list, const struct address *address)
{
    size_t at = cidr_list_position(list, address);
    return at > 0 && cidr_contains(&list->items[at - 1], address);
}

bool cidr_list_contains_net(
    const struct cidr_list *list, const struct cidr *inner)
{
    size_t at = cidr_list_position(list, &inner->net);
    return at > 0 && cidr_contains_net(&list->items[at - 1], inner);
}

const struct cidr *cidr_list_overlap(
    const struct cidr_list *list, const struct cidr *net)
{
    for (size_t i = 0; i < list->count; i++)
        if (cidr_contains_net(&list->items[i], net) ||
            cidr_contains_net(net, &list->items[i]))
            return &list->items[i];
    return NULL;
}

void cidr_list_clear(struct cidr_list *list)
{
    free(list->items);
    *list = (struct cidr_list){0};
}
