/*
 * fuzz_chain.c - certificates and keys as PEM, and certificates as DER, which a
 * fuzzer would hardly find behind base64.
 *
 * An input that begins as DER does is wrapped; else it is PEM for both.
 */
#include "common/certs/chain.h"
#include "common/certs/pem.h"
#include "tests/fuzz/fuzz.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define DER_SEQUENCE 0x30
#define FUZZ_NOW     1800000000 /* unix time: what is in the seeds is valid */

static char *wrap(const uint8_t *der, size_t size, size_t *len_r)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
    static const char end[] = "\n-----END CERTIFICATE-----\n";
    char *pem = malloc(sizeof begin + sizeof end + size * 2 + 8);

    FUZZ_REQUIRE(pem != NULL);
    memcpy(pem, begin, sizeof begin - 1);
    int coded = EVP_EncodeBlock(
        (unsigned char *)pem + sizeof begin - 1, der, (int)size);
    memcpy(pem + sizeof begin - 1 + coded, end, sizeof end - 1);
    *len_r = sizeof begin - 1 + (size_t)coded + sizeof end - 1;
    return pem;
}

static void try_chain(const char *pem, size_t len)
{
    struct error err = {{0}};
    struct chain *chain = chain_new(&(struct chain_text){.certificates = pem,
                                        .certificates_len = len,
                                        .key = pem,
                                        .key_len = len,
                                        .now_s = FUZZ_NOW},
        &err);

    if (chain == NULL) {
        FUZZ_REQUIRE(err.text[0] != '\0');
        FUZZ_REQUIRE(strstr(err.text, "PRIVATE KEY") == NULL);
        return;
    }
    FUZZ_REQUIRE(strlen(chain->pem) == chain->pem_len);
    FUZZ_REQUIRE(chain->not_before <= chain->not_after ||
                 !chain_check_dates(chain, chain->not_after, &err));
    for (char **name = chain->names; *name != NULL; name++)
        (void)chain_covers(chain, *name);
    chain_free(&chain);
}

static void try_parts(const char *pem, size_t len)
{
    struct pem_certificates certificates = {0};
    struct error err = {{0}};

    if (pem_read_certificates(pem, len, &certificates, &err))
        FUZZ_REQUIRE(certificates.count <= PEM_CERTIFICATES_MAX);
    pem_clear_certificates(&certificates);
    size_t keys = pem_count_keys(pem, len);
    for (size_t i = 0; i < keys && i < 4; i++)
        EVP_PKEY_free(pem_read_key(pem, len, i, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = size;
    char *wrapped = NULL;

    if (size == 0)
        return 0;
    if (data[0] == DER_SEQUENCE)
        wrapped = wrap(data, size, &len);
    const char *pem = wrapped != NULL ? wrapped : (const char *)data;
    try_chain(pem, len);
    try_parts(pem, len);
    free(wrapped);
    return 0;
}
