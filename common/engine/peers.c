/*
 * peers.c - see peers.h.
 */
#include "common/engine/peers.h"

#include <string.h>

static bool is_record_of(const struct peer_record *record,
    const struct address *address, const char *service)
{
    return address_equal(&record->address, address) &&
           strncmp(record->service, service, PEERS_SERVICE_SIZE - 1) == 0;
}

/* The one that came last is tried first: a proxy brings one client after the
 * other. NULL: there is none. */
static struct peer_record *find(struct peer_records *records,
    const struct address *address, const char *service)
{
    if (records->count > 0 &&
        is_record_of(&records->items[records->last], address, service))
        return &records->items[records->last];
    for (size_t i = 0; i < records->count; i++)
        if (is_record_of(&records->items[i], address, service))
            return &records->items[i];
    return NULL;
}

static struct peer_record *make_room(struct peer_records *records)
{
    if (records->count < PEERS_MAX)
        return &records->items[records->count++];
    struct peer_record *oldest = &records->items[0];
    for (size_t i = 1; i < records->count; i++)
        if (records->items[i].last_ms < oldest->last_ms)
            oldest = &records->items[i];
    records->forgotten++;
    return oldest;
}

void peers_note(struct peers *peers, const struct address *address,
    bool is_trusted, const char *service, uint64_t now_ms)
{
    struct peer_records *records =
        is_trusted ? &peers->proxies : &peers->untrusted;
    struct peer_record *record = find(records, address, service);

    if (record == NULL) {
        record = make_room(records);
        *record = (struct peer_record){.address = *address, .first_ms = now_ms};
        size_t len = strnlen(service, PEERS_SERVICE_SIZE - 1);
        memcpy(record->service, service, len);
    }
    record->requests++;
    record->last_ms = now_ms;
    records->last = (size_t)(record - records->items);
}
