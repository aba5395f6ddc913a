/*
 * chain_staging.c - see chain_staging.h.
 *
 * An authority for tests says so in the name of its intermediates, because
 * its certificates look like any other otherwise.
 */
#include "common/certs/chain_staging.h"

#include <openssl/asn1.h>
#include <string.h>

static const struct {
    const char *begin; /* of the issuer's common name or organization */
} words[] = {
    /* https://letsencrypt.org/docs/staging-environment/: "(STAGING) ..." is
     * the organization and the common name of each intermediate. */
    {"(STAGING)"},
    /* The same environment until 2021, in certificates kept since then. */
    {"Fake LE "},
    /* https://github.com/letsencrypt/pebble: "Pebble Intermediate CA 1a2b3c" */
    {"Pebble "},
    /* https://github.com/letsencrypt/boulder, test/certs: its integration
     * environment, which tools use in their own tests. */
    {"happy hacker fake CA"},
    {"h2ppy h2cker fake CA"},
};

static bool begins(const ASN1_STRING *text)
{
    const unsigned char *bytes = ASN1_STRING_get0_data(text);
    size_t len = (size_t)ASN1_STRING_length(text);

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t begin_len = strlen(words[i].begin);
        if (len >= begin_len && memcmp(bytes, words[i].begin, begin_len) == 0)
            return true;
    }
    return false;
}

bool chain_staging_issuer(X509 *certificate)
{
    const X509_NAME *issuer = X509_get_issuer_name(certificate);
    static const int parts[] = {NID_organizationName, NID_commonName};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (int at = X509_NAME_get_index_by_NID(issuer, parts[i], -1); at >= 0;
             at = X509_NAME_get_index_by_NID(issuer, parts[i], at))
            if (begins(
                    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(issuer, at))))
                return true;
    return false;
}
