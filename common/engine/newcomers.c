/*
 * newcomers.c - see newcomers.h.
 *
 * Two tables of eight places for a hash, without a chain: a name, and a client
 * with its count. A place is taken from whoever ends first.
 */
#include "common/engine/newcomers.h"

#include "common/base/alloc.h"
#include "common/base/hash.h"

#include <stdlib.h>
#include <string.h>

#define WAYS           8
#define NAME_BUCKETS   (1u << 17) /* of 16 bytes each way: 16 MB when full */
#define CLIENT_BUCKETS (1u << 13)
#define NAME_MAX_LEN   64

struct name {
    uint64_t hash;
    uint64_t until_ms; /* 0: free */
};

struct client {
    uint64_t hash;
    uint64_t until_ms; /* of the window; 0: free */
    uint32_t count;
};

struct newcomers {
    struct hash_key hash_key;
    struct name (*names)[WAYS]; /* the system gives pages as they are used */
    struct client (*clients)[WAYS];
};

struct newcomers *newcomers_new(void)
{
    struct newcomers *newcomers = xcalloc(1, sizeof *newcomers);
    hash_key_init(&newcomers->hash_key);
    newcomers->names = xcalloc(NAME_BUCKETS, sizeof *newcomers->names);
    newcomers->clients = xcalloc(CLIENT_BUCKETS, sizeof *newcomers->clients);
    return newcomers;
}

void newcomers_free(struct newcomers **newcomers)
{
    if (*newcomers == NULL)
        return;
    free((*newcomers)->names);
    free((*newcomers)->clients);
    free(*newcomers);
    *newcomers = NULL;
}

bool newcomers_can_invent(uint16_t key)
{
    const uint16_t invented = 1u << KEY_SENDER | 1u << KEY_SENDER_DOMAIN |
                              1u << KEY_RECIPIENT | 1u << KEY_RECIPIENT_DOMAIN |
                              1u << KEY_HELO;
    const uint16_t login = 1u << KEY_SASL_USERNAME | 1u << KEY_SASL_DOMAIN;
    return (key & invented) != 0 && (key & login) == 0;
}

static uint64_t hash_of(const struct newcomers *newcomers,
    const struct newcomer *newcomer, bool is_name)
{
    unsigned char bytes[sizeof newcomer->client->net.bytes + 2 + NAME_MAX_LEN +
                        SUBJECT_SIZE];
    const struct cidr *client = newcomer->client;
    size_t len = sizeof client->net.bytes;
    size_t name_len = strnlen(newcomer->limit, NAME_MAX_LEN);
    memcpy(bytes, client->net.bytes, len);
    bytes[len++] = (unsigned char)client->net.family;
    memcpy(bytes + len, newcomer->limit, name_len);
    len += name_len;
    bytes[len++] = '\0';
    if (is_name) {
        memcpy(bytes + len, newcomer->subject->text, newcomer->subject->len);
        len += newcomer->subject->len;
    }
    return hash_bytes(&newcomers->hash_key, bytes, len);
}

/* Its place, or the one that it may take. */
static struct name *find_name(struct name places[WAYS], uint64_t hash)
{
    struct name *first = places;
    for (size_t i = 0; i < WAYS; i++) {
        if (places[i].hash == hash && places[i].until_ms != 0)
            return &places[i];
        if (places[i].until_ms < first->until_ms)
            first = &places[i];
    }
    return first;
}

static struct client *find_client(struct client places[WAYS], uint64_t hash)
{
    struct client *first = places;
    for (size_t i = 0; i < WAYS; i++) {
        if (places[i].hash == hash && places[i].until_ms != 0)
            return &places[i];
        if (places[i].until_ms < first->until_ms)
            first = &places[i];
    }
    return first;
}

bool newcomers_admit(struct newcomers *newcomers,
    const struct newcomer *newcomer, uint64_t now_ms)
{
    uint64_t hash = hash_of(newcomers, newcomer, true);
    struct name *name = find_name(newcomers->names[hash % NAME_BUCKETS], hash);
    if (name->hash == hash && name->until_ms > now_ms)
        return true;
    uint64_t client_hash = hash_of(newcomers, newcomer, false);
    struct client *client = find_client(
        newcomers->clients[client_hash % CLIENT_BUCKETS], client_hash);
    bool is_known = client->hash == client_hash && client->until_ms > now_ms;
    if (is_known && client->count >= newcomer->max)
        return false;
    if (newcomer->is_peek)
        return true;
    if (!is_known)
        *client = (struct client){client_hash, now_ms + newcomer->window_ms, 0};
    client->count++;
    *name = (struct name){hash, now_ms + newcomer->window_ms};
    return true;
}

/* No part of a key has this letter (limit_subject.c). */
void newcomers_others(const struct cidr *client, struct subject *subject_r)
{
    char net[CIDR_TEXT_SIZE];
    if (client->prefix_length == address_bits(&client->net))
        address_format(&client->net, net);
    else
        cidr_format(client, net);
    memcpy(subject_r->text, "o=", 2);
    size_t len = strlen(net);
    memcpy(subject_r->text + 2, net, len + 1);
    subject_r->len = (uint8_t)(2 + len);
}
