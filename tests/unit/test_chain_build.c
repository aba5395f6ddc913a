/*
 * test_chain_build.c - a chain out of certificates in any order.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/certs/chain.h"
#include "tests/unit/issue.h"

#include <stdlib.h>
#include <string.h>

/*
 * The certificates, a letter each: L leaf, issued by M, issued by R, a root.
 * Z is R signed by another root, Q; E is Z's elder twin, which has expired;
 * W is Z's twin with a weak digest. N is M's twin, issued by Q. X is M's elder
 * twin, which has expired. S stands apart. K is a leaf with L's key, issued
 * later; P is K's elder twin, which has expired.
 */
static struct issued pieces[128];

static void add(char letter, struct issue of)
{
    of.key = "EC:P-256";
    pieces[(unsigned char)letter] = issue(&of);
}

static const struct issued *piece(char letter)
{
    return &pieces[(unsigned char)letter];
}

static int make_pieces(void **state)
{
    add('Q', (struct issue){.ends_in_days = 4000});
    add('R', (struct issue){.ends_in_days = 3000, .subject = "Root"});
    add('Z', (struct issue){.ends_in_days = 400,
                 .subject = "Root",
                 .same_key = piece('R'),
                 .issuer = piece('Q')});
    add('E', (struct issue){.starts_in_days = -900,
                 .ends_in_days = -1,
                 .subject = "Root",
                 .same_key = piece('R'),
                 .issuer = piece('Q')});
    add('W', (struct issue){.ends_in_days = 400,
                 .subject = "Root",
                 .same_key = piece('R'),
                 .issuer = piece('Q'),
                 .digest = EVP_sha1});
    add('M',
        (struct issue){
            .ends_in_days = 1000, .subject = "Middle", .issuer = piece('R')});
    add('N', (struct issue){.ends_in_days = 900,
                 .subject = "Middle",
                 .same_key = piece('M'),
                 .issuer = piece('Q')});
    add('X', (struct issue){.starts_in_days = -900,
                 .ends_in_days = -1,
                 .subject = "Middle",
                 .same_key = piece('M'),
                 .issuer = piece('R')});
    add('S', (struct issue){.ends_in_days = 3000});
    add('L', (struct issue){.names = "DNS:a.example", .issuer = piece('M')});
    add('K', (struct issue){.starts_in_days = -2,
                 .names = "DNS:a.example",
                 .same_key = piece('L'),
                 .issuer = piece('M')});
    add('P', (struct issue){.starts_in_days = -1,
                 .ends_in_days = -1,
                 .names = "DNS:a.example",
                 .same_key = piece('L'),
                 .issuer = piece('M')});
    return 0;
}

static int clear_pieces(void **state)
{
    for (size_t i = 0; i < COUNT(pieces); i++)
        if (pieces[i].certificate != NULL)
            issued_clear(&pieces[i]);
    return 0;
}

/* The first certificate of the piece's chain. */
static size_t own_len(char letter)
{
    const char *text = piece(letter)->chain.bytes;
    const char *end = strstr(text, "-----END CERTIFICATE-----\n");

    return (size_t)(end - text) + strlen("-----END CERTIFICATE-----\n");
}

static char *join(const char *letters)
{
    char *text = xcalloc(1, strlen(letters) * 2000 + 1);

    for (; *letters != '\0'; letters++)
        strncat(text, piece(*letters)->chain.bytes, own_len(*letters));
    return text;
}

/* Which pieces a chain's text holds, in their order. */
static void spell(const char *pem, char *letters)
{
    const char *at = strstr(pem, "-----BEGIN CERTIFICATE-----");

    for (; at != NULL; at = strstr(at + 1, "-----BEGIN CERTIFICATE-----"))
        for (size_t i = 0; i < COUNT(pieces); i++)
            if (pieces[i].certificate != NULL &&
                strncmp(at, piece((char)i)->chain.bytes, own_len((char)i)) == 0)
                *letters++ = (char)i;
    *letters = '\0';
}

static const struct {
    const char *found, *served;
    const char *note;  /* in it; "": there is none */
    long ends_in_days; /* of what counts */
} cases[] = {
    {"LM", "LM", "", 60},
    {"LMR", "LMR", "", 60},
    {"ML", "LM", "", 60},
    {"RML", "LMR", "", 60},
    {"LRM", "LMR", "", 60},
    {"LMM", "LM", "certificate 3 left out (there twice)", 60},
    {"LLM", "LM", "certificate 2 left out (there twice)", 60},
    {"LMS", "LM", "certificate 3 left out (not needed", 60},
    {"SLM", "LM", "certificate 1 left out (not needed", 60},
    {"L", "L", "the leaf stands alone", 60},
    {"LS", "L", "the leaf stands alone", 60},
    {"LR", "L", "the leaf stands alone", 60},
    /* A cross-sign brings more clients than the root itself. */
    {"LMRZ", "LMZ", "certificate 3 left out", 60},
    {"LMZ", "LMZ", "", 60},
    {"LMZQ", "LMZQ", "", 60},
    /* An old bridge that ended is no reason to serve nothing. */
    {"LME", "LM", "certificate 3 left out (expired", 60},
    {"LMEQ", "LM", "certificate 3 left out (expired", 60},
    {"LMER", "LMR", "certificate 3 left out (expired", 60},
    {"LMW", "LM", "certificate 3 left out", 60},
    {"LMN", "LM", "certificate 3 left out", 60},
    {"LNM", "LN", "certificate 3 left out", 60},
    {"LXM", "LM", "certificate 2 left out (expired", 60},
    /* The intermediate is needed. */
    {"LX", "LX", "", -1},
    {"LKM", "KM", "certificate 1 left out", 60},
    {"PLM", "LM", "certificate 1 left out (expired", 60},
};

TEST(chains)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = join(cases[i].found), served[16] = "";
        struct error err = {{0}};
        struct chain *chain =
            chain_new(&(struct chain_text){.certificates = text,
                          .certificates_len = strlen(text),
                          .key = piece('L')->key.bytes,
                          .key_len = piece('L')->key.len,
                          .now_s = ISSUE_NOW},
                &err);
        if (chain == NULL)
            fail_msg("%s: %s", cases[i].found, err.text);
        spell(chain->pem, served);
        if (strcmp(served, cases[i].served) != 0 ||
            strstr(chain->note, cases[i].note) == NULL ||
            (cases[i].note[0] == '\0') != (chain->note[0] == '\0') ||
            chain->not_after != ISSUE_NOW + cases[i].ends_in_days * ISSUE_DAY)
            fail_msg("%s: served %s, note \"%s\", ends %ld", cases[i].found,
                served, chain->note,
                (long)(chain->not_after - ISSUE_NOW) / ISSUE_DAY);
        chain_free(&chain);
        free(text);
    }
}

static const struct {
    const char *authority;
    bool is_staging;
} authorities[] = {
    {"(STAGING) Artificial Apricot R3", true},
    {"Fake LE Intermediate X1", true},
    {"Pebble Intermediate CA 0a1b2c", true},
    {"R11", false},
    {"Not (STAGING)", false},
    {"Pebblesoft CA", false},
};

TEST(authorities_for_tests)
{
    for (size_t i = 0; i < COUNT(authorities); i++) {
        struct error err;
        struct issued one = issue(&(struct issue){.key = "EC:P-256",
            .names = "DNS:a.example",
            .authority = authorities[i].authority});
        struct chain *chain = issued_chain(&one, &err);
        if (chain == NULL || chain->is_staging != authorities[i].is_staging)
            fail_msg("%s", authorities[i].authority);
        chain_free(&chain);
        issued_clear(&one);
    }
}

/* All names count, however many there are. */
TEST(many_names)
{
    char *names = xcalloc(1, 400 * 32);
    struct error err;
    for (unsigned i = 0; i < 400; i++) {
        size_t len = strlen(names);
        snprintf(names + len, 32, "%sDNS:n%u.example", i > 0 ? "," : "", i);
    }
    struct issued one = issue(&(struct issue){
        .key = "EC:P-256", .names = names, .issuer = piece('M')});
    struct chain *chain = issued_chain(&one, &err);
    assert_non_null(chain);
    assert_true(chain_covers(chain, "n399.example"));
    chain_free(&chain);
    issued_clear(&one);
    free(names);
}

static const struct {
    long life_days, bound_days;
    double warning_days;
} lives[] = {
    {90, 14, 14},
    {45, 14, 14},
    {30, 14, 10},
    {10, 14, 10.0 / 3},
    {6, 14, 1.5},
    {6, 1, 1},
    {365, 60, 60},
};

TEST(when_its_end_is_worth_a_warning)
{
    for (size_t i = 0; i < COUNT(lives); i++)
        assert_int_equal(chain_warning_s(ISSUE_NOW,
                             ISSUE_NOW + lives[i].life_days * ISSUE_DAY,
                             lives[i].bound_days * ISSUE_DAY),
            (int64_t)(lives[i].warning_days * ISSUE_DAY));
}

RUN_TESTS(make_pieces, clear_pieces)
