/*
 * test_chain.c - what may be served, and for which names.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/certs/chain.h"
#include "common/certs/pem.h"
#include "tests/unit/issue.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static struct issued root, middle;

static int make_authority(void **state)
{
    root = issue(&(struct issue){.key = "EC:P-256", .ends_in_days = 3000});
    middle = issue(&(struct issue){
        .key = "EC:P-256", .ends_in_days = 1000, .issuer = &root});
    return 0;
}

static int end_authority(void **state)
{
    issued_clear(&middle);
    issued_clear(&root);
    return 0;
}

static const struct {
    const char *key;
    enum chain_algorithm algorithm;
    unsigned bits;
} good_keys[] = {
    {"RSA:2048", CHAIN_RSA, 2048}, {"EC:P-256", CHAIN_ECDSA, 256},
    {"EC:P-384", CHAIN_ECDSA, 384}, {"EC:P-521", CHAIN_ECDSA, 521},
    {"ED25519", CHAIN_ED25519, 0}, /* as OpenSSL counts them */
};

TEST(good_keys)
{
    for (size_t i = 0; i < COUNT(good_keys); i++) {
        struct error err;
        struct issued one = issue(&(struct issue){.key = good_keys[i].key,
            .names = "DNS:Mail.Example.com",
            .issuer = &middle});
        struct chain *chain = issued_chain(&one, &err);
        if (chain == NULL)
            fail_msg("%s: %s", good_keys[i].key, err.text);
        assert_int_equal(chain->algorithm, good_keys[i].algorithm);
        if (good_keys[i].bits > 0)
            assert_int_equal(chain->bits, good_keys[i].bits);
        assert_string_equal(chain->names[0], "mail.example.com");
        assert_null(chain->names[1]);
        assert_int_equal(strlen(chain->fingerprint), 64);
        assert_int_equal(chain->not_before, ISSUE_NOW - 30 * ISSUE_DAY);
        assert_int_equal(chain->not_after, ISSUE_NOW + 60 * ISSUE_DAY);
        assert_ptr_equal(
            strstr(chain->pem, "-----BEGIN PRIVATE KEY-----"), chain->pem);
        chain_free(&chain);
        assert_null(chain);
        issued_clear(&one);
    }
}

static const struct {
    struct issue issue;
    const char *reason;
} bad[] = {
    {{.key = "RSA:1024"}, "RSA key of 1024 bits"},
    {{.key = "EC:P-224"}, "curve secp224r1"},
    {{.key = "EC:brainpoolP256r1"}, "curve brainpoolP256r1"},
    {{.key = "EC:brainpoolP384r1"}, "curve brainpoolP384r1"},
    {{.key = "EC:secp256k1"}, "curve secp256k1"},
    {{.key = "ED448"}, "algorithm that is not served"},
    {{.key = "EC:P-256", .digest = EVP_sha1}, "digest that clients refuse"},
    {{.key = "EC:P-256", .usage = "clientAuth"}, "not for servers"},
    {{.key = "EC:P-256", .names = "IP:192.0.2.1"}, "no DNS name"},
    {{.key = "EC:P-256", .names = "email:a@example.com"}, "no DNS name"},
};

/* PKCS#8 with an algorithm 2.16.840.1.101.3.4.3.LAST and some bytes. */
static struct chain *chain_of_unknown_key(
    unsigned char last, const struct file_text *leaf, struct error *err)
{
    const unsigned char der[] = {0x30, 0x14, 2, 1, 0, 0x30, 0x0b, 6, 9, 0x60,
        0x86, 0x48, 1, 0x65, 3, 4, 3, last, 4, 2, 1, 2};
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    PEM_write_bio(bio, "PRIVATE KEY", "", der, sizeof der);
    long len = BIO_get_mem_data(bio, &text);
    struct chain *chain =
        chain_new(&(struct chain_text){.certificates = leaf->bytes,
                      .certificates_len = leaf->len,
                      .key = text,
                      .key_len = (size_t)len,
                      .now_s = ISSUE_NOW},
            err);
    BIO_free(bio);
    return chain;
}

/* ML-DSA-65 is served where the OpenSSL of this machine has it; where it has
 * not, the sentence says so. */
TEST(keys_of_newer_kinds)
{
    struct error err;
    struct issued leaf = issue(&(struct issue){
        .key = "EC:P-256", .names = "DNS:mail.example.com", .issuer = &middle});
    EVP_PKEY *known = EVP_PKEY_Q_keygen(NULL, NULL, "ML-DSA-65");

    assert_null(chain_of_unknown_key(99, &leaf.chain, &err));
    assert_non_null(
        strstr(err.text, "algorithm 2.16.840.1.101.3.4.3.99, which OpenSSL"));
    assert_null(chain_of_unknown_key(18, &leaf.chain, &err));
    assert_non_null(strstr(err.text,
        known != NULL ? "malformed" : "algorithm ML-DSA-65, which OpenSSL 3."));
    for (int is_signed_by_it = 0; known != NULL && is_signed_by_it < 2;
         is_signed_by_it++) {
        struct issued one = issue(&(struct issue){.key = "ML-DSA-65",
            .names = "DNS:mail.example.com",
            .issuer = is_signed_by_it ? NULL : &middle});
        struct chain *chain = issued_chain(&one, &err);
        if (chain == NULL)
            fail_msg("%s", err.text);
        assert_int_equal(chain->algorithm, CHAIN_ML_DSA_65);
        chain_free(&chain);
        issued_clear(&one);
    }
    EVP_PKEY_free(known);
    issued_clear(&leaf);
}

TEST(bad_certificates)
{
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error err;
        struct issue of = bad[i].issue;
        of.issuer = &middle;
        if (of.names == NULL)
            of.names = "DNS:mail.example.com";
        struct issued one = issue(&of);
        assert_null(issued_chain(&one, &err));
        if (strstr(err.text, bad[i].reason) == NULL)
            fail_msg("%s: got \"%s\"", bad[i].reason, err.text);
        issued_clear(&one);
    }
}

/* Pieces: L leaf, M its issuer, R the root, k the key, o another key, x
 * something else, c the leaf cut off, b and d less than the line that begins
 * the next block. */
static const struct {
    const char *certificates, *key;
    const char *reason; /* NULL: good */
} texts[] = {
    {"LMR", "k", NULL},
    {"LM", "k", NULL},
    {"L", "k", NULL},
    {"xLxM", "xk", NULL},
    {"kLM", "kLM", NULL}, /* one file */
    {"LMk", "LMk", NULL},
    {"LM", "o", "does not fit any"},
    {"L", "o", "does not fit the certificate"},
    {"LM", "ko", NULL}, /* each key is a candidate of its own */
    {"LM", "L", "no private key"},
    {"LM", "", "no private key"},
    {"x", "k", "no certificate"},
    {"", "k", "no certificate"},
    {"LMc", "k", "cut off"},
    {"c", "k", "cut off"},
    {"Lb", "k", "cut off"},
    {"LMd", "k", "cut off"},
    {"LMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM", "k",
        "more than 40 certificates"},
};

static struct file_text assemble(
    const char *pieces, const struct issued *leaf, const struct issued *other)
{
    struct file_text text = {.bytes = xcalloc(1, 1)};
    for (; *pieces != '\0'; pieces++) {
        const char *const texts_of[] = {['L'] = leaf->chain.bytes,
            ['c'] = leaf->chain.bytes,
            ['M'] = middle.chain.bytes,
            ['R'] = root.chain.bytes,
            ['k'] = leaf->key.bytes,
            ['o'] = other->key.bytes,
            ['b'] = "---",
            ['d'] = "-----BEGIN CERTI",
            ['x'] = "some words\n"};
        const char *piece = texts_of[(unsigned char)*pieces];
        const char *end = strstr(piece, "-----END");
        size_t len = end == NULL      ? strlen(piece)
                     : *pieces == 'c' ? 100
                                      : (size_t)(strchr(end, '\n') + 1 - piece);
        text.bytes = xrealloc(text.bytes, text.len + len + 1);
        memcpy(text.bytes + text.len, piece, len);
        text.len += len;
        text.bytes[text.len] = '\0';
    }
    return text;
}

TEST(texts)
{
    struct issue of = {.key = "EC:P-256", .names = "DNS:a.example"};
    of.issuer = &middle;
    struct issued leaf = issue(&of), other = issue(&of);
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct error err = {{0}};
        struct file_text certificates =
            assemble(texts[i].certificates, &leaf, &other);
        struct file_text key = assemble(texts[i].key, &leaf, &other);
        struct chain *chain =
            chain_new(&(struct chain_text){.certificates = certificates.bytes,
                          .certificates_len = certificates.len,
                          .key = key.bytes,
                          .key_len = key.len,
                          .now_s = ISSUE_NOW},
                &err);
        if ((chain == NULL) != (texts[i].reason != NULL) ||
            (chain == NULL && strstr(err.text, texts[i].reason) == NULL))
            fail_msg("%s and %s: got \"%s\"", texts[i].certificates,
                texts[i].key, err.text);
        chain_free(&chain);
        file_text_clear(&certificates);
        file_text_clear(&key);
    }
    issued_clear(&leaf);
    issued_clear(&other);
}

/* In both ways of encrypting a key; nobody is asked for a passphrase. */
TEST(encrypted_key)
{
    struct issued leaf = issue(&(struct issue){
        .key = "RSA:2048", .names = "DNS:a.example", .issuer = &middle});
    for (int traditional = 0; traditional < 2; traditional++) {
        char *text;
        struct error err;
        unsigned char word[] = "secret";
        BIO *bio = BIO_new(BIO_s_mem());
        int (*const write[])(BIO *, const EVP_PKEY *, const EVP_CIPHER *,
            const unsigned char *, int, pem_password_cb *, void *) = {
            PEM_write_bio_PrivateKey, PEM_write_bio_PrivateKey_traditional};
        assert_int_equal(write[traditional](bio, leaf.pkey, EVP_aes_128_cbc(),
                             word, 6, NULL, NULL),
            1);
        long len = BIO_get_mem_data(bio, &text);
        assert_null(
            chain_new(&(struct chain_text){.certificates = leaf.chain.bytes,
                          .certificates_len = leaf.chain.len,
                          .key = text,
                          .key_len = (size_t)len,
                          .now_s = ISSUE_NOW},
                &err));
        assert_non_null(strstr(err.text, "encrypted"));
        BIO_free(bio);
    }
    issued_clear(&leaf);
}

TEST(dates)
{
    struct error err;
    struct issued short_lived = issue(&(struct issue){
        .key = "EC:P-256", .ends_in_days = 40, .issuer = &root});
    struct issued leaf = issue(&(struct issue){
        .key = "EC:P-256", .names = "DNS:a.example", .issuer = &short_lived});
    struct chain *chain = issued_chain(&leaf, &err);
    assert_non_null(chain);
    /* The first of the chain to end ends the chain. */
    int64_t end = ISSUE_NOW + 40 * ISSUE_DAY;
    assert_int_equal(chain->not_after, end);
    assert_true(chain_check_dates(chain, ISSUE_NOW, &err));
    assert_true(chain_check_dates(chain, end - 1, &err));
    assert_false(chain_check_dates(chain, end, &err));
    assert_non_null(strstr(err.text, "expired on 2027-02-24"));
    assert_true(chain_check_dates(chain, chain->not_before, &err));
    assert_false(chain_check_dates(chain, chain->not_before - 1, &err));
    assert_non_null(strstr(err.text, "not valid before 2026-12-16"));
    chain_free(&chain);
    issued_clear(&leaf);
    issued_clear(&short_lived);
}

static const struct {
    const char *pattern, *name;
    bool matches;
} names[] = {
    {"a.example.com", "a.example.com", true},
    {"a.example.com", "b.example.com", false},
    {"*.example.com", "a.example.com", true},
    {"*.example.com", "*.example.com", true},
    {"*.example.com", "example.com", false},
    {"*.example.com", "a.b.example.com", false},
    {"*.example.com", ".example.com", false},
    {"*.example.com", "aexample.com", false},
    {"*.com", "*.example.com", false},
    {"a.*.com", "a.example.com", false},
    {"*", "com", false},
    {"f*.example.com", "foo.example.com", false},
    {"a.example.com", "*.example.com", false},
};

static const struct {
    const char *alternatives;
    const char *name;
    bool may;
} glances[] = {
    {"DNS:a.example.com", "a.example.com", true},
    {"DNS:A.Example.COM", "a.example.com", true},
    {"DNS:b.example.com,DNS:a.example.com", "a.example.com", true},
    {"DNS:*.example.com", "a.example.com", true},
    {"DNS:*.example.com", "*.example.com", true},
    {"DNS:b.example.com", "a.example.com", false},
    {"DNS:example.com", "a.example.com", false},
    {"DNS:a.example.com", "localhost", false},
    {"DNS:localhost", "localhost", true},
    /* Not certain, so that it is read. */
    {"DNS:aa.example.com", "a.example.com", true},
};

/* Of the first certificate, not of its issuers. */
TEST(a_glance)
{
    for (size_t i = 0; i < COUNT(glances); i++) {
        struct issued one = issue(&(struct issue){.key = "EC:P-256",
            .names = glances[i].alternatives,
            .issuer = &middle});
        char *const wanted[] = {
            xstrdup("nowhere.invalid"), xstrdup(glances[i].name), NULL};
        if (pem_may_cover(one.chain.bytes, one.chain.len, wanted) !=
            glances[i].may)
            fail_msg("%s, %s", glances[i].alternatives, glances[i].name);
        assert_false(pem_may_cover("x", 1, wanted));
        assert_false(
            pem_may_cover(middle.chain.bytes, middle.chain.len, wanted));
        free(wanted[0]);
        free(wanted[1]);
        issued_clear(&one);
    }
}

TEST(names)
{
    for (size_t i = 0; i < COUNT(names); i++)
        if (chain_name_matches(names[i].pattern, names[i].name) !=
            names[i].matches)
            fail_msg("%s and %s", names[i].pattern, names[i].name);
}

/* What Postfix does not read in one reply is not served. */
TEST(size)
{
    char *many = xcalloc(1, 200 * 250 * 2);
    struct error err;
    for (unsigned i = 0; i < 800; i++) {
        size_t len = strlen(many);
        snprintf(many + len, 100, "%sDNS:%080u.example", i > 0 ? "," : "", i);
    }
    struct issued leaf = issue(
        &(struct issue){.key = "EC:P-256", .names = many, .issuer = &middle});
    assert_null(issued_chain(&leaf, &err));
    assert_non_null(strstr(err.text, "longer than Postfix reads"));
    assert_int_equal(chain_reply_size(3), 3 + 4);
    assert_int_equal(chain_reply_size(4), 3 + 8);
    issued_clear(&leaf);
    free(many);
}

RUN_TESTS(make_authority, end_authority)
