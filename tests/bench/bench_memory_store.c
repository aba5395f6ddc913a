/*
 * bench_memory_store.c - what a tracked client costs in memory and a charge in
 * time; prints one JSON object.
 *
 * Memory is the growth of the resident set while a million clients are charged
 * once (one live sub-window each, IPv6 /64 keys), table included. Time is a
 * charge of one sliding limit by a random client of 10,000, and of a million;
 * the worst single charge while the table grows shows that nothing pauses.
 */
#include "common/store/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MANY 1000000
#define CLIENTS_FEW  10000
#define CHARGES      5000000

static uint64_t nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    uint64_t total, resident;

    if (file == NULL ||
        fscanf(file, "%" SCNu64 " %" SCNu64, &total, &resident) != 2) {
        perror("/proc/self/statm");
        exit(1);
    }
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* As short as a face has it: just parsed, so in the cache. */
static struct charge make_charge(struct subject *subject, unsigned client)
{
    static const char digits[] = "0123456789abcdef";
    char text[] = "s=25|c=2001:db8:0:00000::/64";

    for (size_t i = 22; client > 0; client /= 16)
        text[i--] = digits[client % 16];
    subject->len = sizeof text - 1;
    memcpy(subject->text, text, sizeof text);
    return (struct charge){.kind = CHARGE_SLIDING,
        .subject = subject,
        .name = "m",
        .limit = 1000000,
        .amount = 1,
        .window_ms = 60000};
}

/* A million newcomers; returns the slowest charge. */
static uint64_t fill(struct memory_store *store, unsigned clients)
{
    uint64_t slowest = 0;

    for (unsigned i = 0; i < clients; i++) {
        struct subject subject;
        struct charge charge = make_charge(&subject, i);
        uint64_t started = nanoseconds();
        uint64_t took;

        memory_store_charge(store, &charge, 1, false, 1000);
        took = nanoseconds() - started;
        if (took > slowest)
            slowest = took;
    }
    return slowest;
}

/* Random clients, 1 ms for each 50 charges; ns a charge. */
static double run(struct memory_store *store, unsigned clients)
{
    uint64_t started = nanoseconds();
    uint64_t random = 88172645463325252u;

    for (unsigned i = 0; i < CHARGES; i++) {
        struct subject subject;
        struct charge charge;

        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        charge = make_charge(&subject, (unsigned)(random % clients));
        memory_store_charge(store, &charge, 1, false, 2000 + i / 50);
    }
    return (double)(nanoseconds() - started) / CHARGES;
}

int main(void)
{
    struct memory_store *store;
    uint64_t before, slowest;
    double bytes, few_ns, many_ns;

    before = resident_bytes();
    store = memory_store_new(MEMORY_STORE_ENTRIES_MAX);
    slowest = fill(store, CLIENTS_MANY);
    bytes =
        (double)(resident_bytes() - before) / (double)memory_store_count(store);
    many_ns = run(store, CLIENTS_MANY);
    memory_store_free(&store);

    store = memory_store_new(MEMORY_STORE_ENTRIES_MAX);
    few_ns = run(store, CLIENTS_FEW);
    memory_store_free(&store);
    printf("{\"clients\": %u, \"bytes_per_client\": %.1f, "
           "\"slowest_charge_us\": %.1f, \"charge_ns_10k\": %.0f, "
           "\"charge_ns_1m\": %.0f}\n",
        CLIENTS_MANY, bytes, (double)slowest / 1000, few_ns, many_ns);
    return 0;
}
