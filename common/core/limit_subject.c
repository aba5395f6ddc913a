/*
 * limit_subject.c - writes whom a counter belongs to.
 *
 * Service first, because people read keys from the left, then the order of
 * enum key_part: "s=25|c=198.51.100.7". Written straight into the subject;
 * only a text that does not fit costs a hash of the whole, so a stranger can
 * neither make keys long nor two of them alike. A letter is never used again
 * for something else: counters outlive daemons.
 */
#include "common/core/limit.h"

#include "common/base/ascii.h"
#include "common/base/hex.h"
#include "common/core/distinct.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX   (SUBJECT_SIZE - 1)
#define DIGEST_LEN 16 /* bytes of SHA-256 that are kept */
#define HEAD_LEN   (TEXT_MAX - 1 - 2 * DIGEST_LEN)

/* Whose mail comes without a client's address, from all proxies together. */
static const char unproxied[] = "unproxied";

static const char part_letters[KEY_PARTS] = {
    [KEY_CLIENT] = 'c',
    [KEY_CLIENT_ADDRESS] = 'a',
    [KEY_SASL_USERNAME] = 'u',
    [KEY_SASL_DOMAIN] = 'U',
    [KEY_SENDER] = 'f',
    [KEY_SENDER_DOMAIN] = 'F',
    [KEY_RECIPIENT] = 't',
    [KEY_RECIPIENT_DOMAIN] = 'T',
    [KEY_HELO] = 'h',
    [KEY_SERVICE] = 's',
};

struct writer {
    struct subject *subject;
    EVP_MD_CTX *digest; /* of everything written; NULL while it fits */
};

static void digest_add(struct writer *writer, const char *text, size_t len)
{
    int done = EVP_DigestUpdate(writer->digest, text, len);
    assert(done == 1);
}

static void digest_begin(struct writer *writer)
{
    writer->digest = EVP_MD_CTX_new();
    assert(writer->digest != NULL);
    int done = EVP_DigestInit_ex(writer->digest, EVP_sha256(), NULL);
    assert(done == 1);
    digest_add(writer, writer->subject->text, writer->subject->len);
}

static void write_bytes(struct writer *writer, const char *text, size_t len)
{
    struct subject *subject = writer->subject;
    size_t room = (size_t)(TEXT_MAX - subject->len);
    size_t fits = len < room ? len : room;
    memcpy(subject->text + subject->len, text, fits);
    subject->len = (uint8_t)(subject->len + fits);
    if (fits == len)
        return;
    if (writer->digest == NULL)
        digest_begin(writer);
    digest_add(writer, text + fits, len - fits);
}

static bool is_structure(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte < 0x20 || byte >= 0x7f || c == '|' || c == '{' || c == '}' ||
           c == '%' || c == '#';
}

/* Written as it is. */
static bool is_plain(char c, bool is_mail)
{
    return c != '\0' && !is_structure(c) && !(is_mail && ascii_fold(c) != c);
}

static void write_special(struct writer *writer, char c)
{
    char escaped[] = "%xx", folded = ascii_fold(c);

    (void)hex_write(escaped + 1, &c, 1);
    if (is_structure(c))
        write_bytes(writer, escaped, sizeof escaped - 1);
    else
        write_bytes(writer, &folded, 1);
}

static void write_escaped(struct writer *writer, const char *text, bool is_mail)
{
    for (;;) {
        size_t len = 0;
        while (is_plain(text[len], is_mail))
            len++;
        write_bytes(writer, text, len);
        if (text[len] == '\0')
            return;
        write_special(writer, text[len]);
        text += len + 1;
    }
}

static void write_net(struct writer *writer, const struct cidr *net)
{
    char text[CIDR_TEXT_SIZE];
    if (net->prefix_length == address_bits(&net->net))
        address_format(&net->net, text);
    else
        cidr_format(net, text);
    write_bytes(writer, text, strlen(text));
}

struct cidr limit_client_net(
    const struct cidr *client, struct limit_prefixes prefixes)
{
    unsigned length =
        client->net.family == ADDRESS_IPV4 ? prefixes.ipv4 : prefixes.ipv6;
    if (client->prefix_length <= length)
        return *client;
    return cidr_of(&client->net, length);
}

static const char *domain_of(const char *mailbox)
{
    const char *at = strrchr(mailbox, '@');

    return at == NULL ? "" : at + 1;
}

const char *limit_part_text(const struct event *event, enum key_part part,
    struct limit_prefixes prefixes, char out[MAILBOX_SIZE])
{
    const char *delimiters = prefixes.recipient_delimiter;

    switch (part) {
    case KEY_SENDER:
        return mailbox_canonical(event->sender, delimiters, out);
    case KEY_SENDER_DOMAIN:
        return domain_of(mailbox_canonical(event->sender, NULL, out));
    case KEY_RECIPIENT:
        return mailbox_canonical(event->recipient, delimiters, out);
    case KEY_RECIPIENT_DOMAIN:
        return domain_of(mailbox_canonical(event->recipient, NULL, out));
    default:
        return mailbox_without_dot(event_key_text(event, part), out);
    }
}

/* Apart, for most limits have no use for so large a frame. */
static __attribute__((noinline)) void write_text_part(struct writer *writer,
    enum key_part part, const struct event *event,
    struct limit_prefixes prefixes)
{
    char mailbox[MAILBOX_SIZE];

    write_escaped(
        writer, limit_part_text(event, part, prefixes, mailbox), true);
}

static void write_part(struct writer *writer, enum key_part part,
    const struct event *event, const char *service_title,
    struct limit_prefixes prefixes)
{
    char head[] = {'|', part_letters[part], '='};
    bool is_first = writer->subject->len == 0;
    bool is_client = part == KEY_CLIENT || part == KEY_CLIENT_ADDRESS;
    write_bytes(writer, head + is_first, sizeof head - is_first);
    if (is_client && event->is_unproxied) {
        write_bytes(writer, unproxied, sizeof unproxied - 1);
    } else if (part == KEY_CLIENT) {
        struct cidr net = limit_client_net(&event->client, prefixes);
        write_net(writer, &net);
    } else if (part == KEY_CLIENT_ADDRESS) {
        write_net(writer, &event->client);
    } else if (part == KEY_SERVICE) {
        write_escaped(writer, service_title, false);
    } else {
        write_text_part(writer, part, event, prefixes);
    }
}

/* '#' is escaped above, so no text that fits looks like one that did not. */
static void write_end(struct writer *writer)
{
    struct subject *subject = writer->subject;
    subject->text[subject->len] = '\0';
    if (writer->digest == NULL)
        return;
    unsigned char digest[EVP_MAX_MD_SIZE];
    int done = EVP_DigestFinal_ex(writer->digest, digest, NULL);
    assert(done == 1);
    EVP_MD_CTX_free(writer->digest);
    subject->text[HEAD_LEN] = '#';
    (void)hex_write(subject->text + HEAD_LEN + 1, digest, DIGEST_LEN);
}

void limit_subject(uint16_t key, const struct event *event,
    const char *service_title, struct limit_prefixes prefixes,
    struct subject *subject_r)
{
    struct writer writer = {.subject = subject_r};
    subject_r->len = 0;
    if ((key & 1u << KEY_SERVICE) != 0)
        write_part(&writer, KEY_SERVICE, event, service_title, prefixes);
    for (unsigned rest = key & ~(1u << KEY_SERVICE); rest != 0;
         rest &= rest - 1)
        write_part(&writer, (enum key_part)__builtin_ctz(rest), event,
            service_title, prefixes);
    write_end(&writer);
}

uint32_t limit_value(const struct limit *limit, const struct event *event)
{
    struct subject subject;

    limit_subject(limit->distinct, event, "", limit->prefixes, &subject);
    return distinct_hash(subject.text, subject.len);
}

/* NULL: none has this letter. */
static const char *word_of(char letter)
{
    for (unsigned i = 0; i < KEY_PARTS; i++)
        if (part_letters[i] == letter)
            return key_part_word((enum key_part)i);
    return NULL;
}

char *limit_subject_words(const char *subject, char text[LIMIT_KEY_TEXT_SIZE])
{
    size_t used = 0;

    text[0] = '\0';
    while (*subject != '\0' && used < LIMIT_KEY_TEXT_SIZE) {
        size_t len = strcspn(subject, "|");
        const char *word =
            len > 1 && subject[1] == '=' ? word_of(subject[0]) : NULL;
        size_t skip = word != NULL ? 2 : 0;
        int added = snprintf(text + used, LIMIT_KEY_TEXT_SIZE - used,
            "%s%s%s%.*s", used > 0 ? "," : "", word != NULL ? word : "",
            word != NULL ? ":" : "", (int)(len - skip), subject + skip);
        used += added > 0 ? (size_t)added : 0;
        subject += len + (subject[len] == '|' ? 1 : 0);
    }
    return text;
}
