/*
 * attr_marks.h - where the newlines and equals signs are in 64 bytes.
 *
 * Bit i of a mask stands for byte i. A policy request has some thirty lines,
 * and a call of memchr for each end and each '=' of them cost more than all
 * that is done with what is found. Pure. Two ways to the same answer, both
 * tested against a plain loop: SSE2, which every x86-64 has, and arithmetic
 * on eight bytes at a time elsewhere.
 */
#ifndef TOLLGATE_POLICYD_ATTR_MARKS_H
#define TOLLGATE_POLICYD_ATTR_MARKS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define ATTR_BLOCK 64

struct attr_marks {
    uint64_t newlines;
    uint64_t equals;
    bool has_nul;
};

#define ATTR_EVERY(byte) (0x0101010101010101u * (uint64_t)(byte))

/* The high bit of each byte of the word that equals `byte`. */
static inline uint64_t attr_word_matches(uint64_t word, unsigned char byte)
{
    uint64_t zero_where_equal = word ^ ATTR_EVERY(byte);
    uint64_t low_bits =
        (zero_where_equal & ATTR_EVERY(0x7f)) + ATTR_EVERY(0x7f);

    return ~(low_bits | zero_where_equal) & ATTR_EVERY(0x80);
}

/* Those eight bits side by side, that of the first byte in memory lowest. */
static inline uint64_t attr_word_mask(uint64_t word, unsigned char byte)
{
    return (attr_word_matches(word, byte) >> 7) * 0x0102040810204080u >> 56;
}

static inline struct attr_marks attr_marks_of_words(
    const char block[ATTR_BLOCK])
{
    struct attr_marks marks = {.newlines = 0};

    for (unsigned i = 0; i < ATTR_BLOCK; i += 8) {
        uint64_t word;
        memcpy(&word, block + i, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        marks.newlines |= attr_word_mask(word, '\n') << i;
        marks.equals |= attr_word_mask(word, '=') << i;
        marks.has_nul |= attr_word_matches(word, '\0') != 0;
    }
    return marks;
}

#ifdef __SSE2__

static inline uint64_t attr_vector_mask(__m128i bytes, char byte)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte)));
}

static inline uint64_t attr_vectors_mask(const __m128i bytes[4], char byte)
{
    return attr_vector_mask(bytes[0], byte) |
           attr_vector_mask(bytes[1], byte) << 16 |
           attr_vector_mask(bytes[2], byte) << 32 |
           attr_vector_mask(bytes[3], byte) << 48;
}

static inline struct attr_marks attr_marks_of(const char block[ATTR_BLOCK])
{
    __m128i bytes[4];

    memcpy(bytes, block, sizeof bytes);
    __m128i least = _mm_min_epu8(
        _mm_min_epu8(bytes[0], bytes[1]), _mm_min_epu8(bytes[2], bytes[3]));
    return (struct attr_marks){
        .newlines = attr_vectors_mask(bytes, '\n'),
        .equals = attr_vectors_mask(bytes, '='),
        .has_nul = attr_vector_mask(least, '\0') != 0,
    };
}

#else

static inline struct attr_marks attr_marks_of(const char block[ATTR_BLOCK])
{
    return attr_marks_of_words(block);
}

#endif

#endif
