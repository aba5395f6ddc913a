/*
 * slot.c - CRC16 (polynomial 0x1021, from 0, not reflected), by nibbles: the
 * texts are short, and a table of 32 bytes stays in the cache.
 */
#include "common/redis/slot.h"

#include <stdint.h>

unsigned redis_slot_of_tag(const char *tag, size_t len)
{
    static const uint16_t table[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084,
        0x50a5, 0x60c6, 0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad,
        0xe1ce, 0xf1ef};
    unsigned crc = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned byte = (unsigned char)tag[i];
        crc = (crc << 4 ^ table[(crc >> 12 ^ byte >> 4) & 15]) & 0xffff;
        crc = (crc << 4 ^ table[(crc >> 12 ^ byte) & 15]) & 0xffff;
    }
    return crc % REDIS_SLOTS;
}
