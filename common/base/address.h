/*
 * address.h - an IPv4 or IPv6 address, in one canonical form.
 *
 * IPv4-mapped IPv6 (::ffff:a.b.c.d) is folded to IPv4 wherever an address
 * enters, so that one client has one form in keys, lists and logs. Pure.
 */
#ifndef TOLLGATE_BASE_ADDRESS_H
#define TOLLGATE_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum address_family { ADDRESS_NONE = 0, ADDRESS_IPV4 = 4, ADDRESS_IPV6 = 6 };

#define ADDRESS_TEXT_SIZE 46 /* longest IPv6 text and its NUL */

struct address {
    uint8_t family;    /* enum address_family */
    uint8_t bytes[16]; /* network order; 4 used for IPv4, the rest 0 */
};

/*
 * Exactly one address in len bytes: "192.0.2.1", "2001:db8::1", the same in
 * brackets, or with Postfix's "IPv6:" prefix. No zone, no port, no space, no
 * leading zeros in IPv4. False leaves *address_r ADDRESS_NONE ("unknown").
 */
bool address_parse(const char *text, size_t len, struct address *address_r);

/* Of another socket family: false and ADDRESS_NONE. port_r may be NULL. */
bool address_from_sockaddr(
    const struct sockaddr *, struct address *address_r, uint16_t *port_r);

/* For bind and connect; not of ADDRESS_NONE. Returns the length. */
socklen_t address_to_sockaddr(
    const struct address *, uint16_t port, struct sockaddr_storage *storage_r);

/* Writes "unknown" for ADDRESS_NONE. Returns its text argument. */
char *address_format(const struct address *, char text[ADDRESS_TEXT_SIZE]);

/* 32, 128, or 0 for ADDRESS_NONE. */
unsigned address_bits(const struct address *);

/*
 * The IPv4 address inside of an IPv6 one: RFC 6052, 2.2, whose prefixes are of
 * 32, 40, 48, 56, 64 or 96 bits. address begins with such a prefix; false: it
 * is of another length.
 */
bool address_embedded(
    const struct address *, unsigned prefix_length, struct address *ipv4_r);

/* Clears all bits after the first prefix_length (larger: nothing to do). */
void address_mask(struct address *, unsigned prefix_length);

/* Same family and same bytes. */
bool address_equal(const struct address *, const struct address *);

#endif
