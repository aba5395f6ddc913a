/*
 * chain_names.c - which names a certificate is good for.
 *
 * Source: RFC 6125, section 6.4: only DNS names of the extension, and a
 * wildcard only as the whole first label, standing for exactly one.
 */
#include "common/certs/chain_names.h"

#include "common/base/alloc.h"
#include "common/certs/chain.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEN_MAX 253 /* RFC 1035: 255 bytes on the wire */

/* The caller owns it; NULL: no name of a host. */
static char *copy_name(const ASN1_STRING *string)
{
    const unsigned char *bytes = ASN1_STRING_get0_data(string);
    int len = ASN1_STRING_length(string);
    if (len <= 0 || len > NAME_LEN_MAX)
        return NULL;
    char *name = xcalloc(1, (size_t)len + 1);
    for (int i = 0; i < len; i++) {
        if (bytes[i] <= ' ' || bytes[i] > '~') {
            free(name);
            return NULL;
        }
        name[i] = (char)tolower(bytes[i]);
    }
    return name;
}

static size_t copy_names(const GENERAL_NAMES *alternatives, char **names)
{
    size_t count = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(alternatives, i);
        char *name = one->type == GEN_DNS ? copy_name(one->d.dNSName) : NULL;
        if (name != NULL)
            names[count++] = name;
    }
    return count;
}

bool chain_names_take(X509 *leaf, char ***names_r, struct error *err)
{
    GENERAL_NAMES *alternatives =
        X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    ERR_clear_error();
    int most = alternatives != NULL ? sk_GENERAL_NAME_num(alternatives) : 0;
    *names_r = xcalloc((size_t)most + 1, sizeof **names_r);
    size_t count = most > 0 ? copy_names(alternatives, *names_r) : 0;
    GENERAL_NAMES_free(alternatives);
    if (count > 0)
        return true;
    chain_names_free(names_r);
    return error_set(err, "the certificate has no DNS name (subjectAltName)");
}

void chain_names_free(char ***names)
{
    for (size_t i = 0; *names != NULL && (*names)[i] != NULL; i++)
        free((*names)[i]);
    free(*names);
    *names = NULL;
}

bool chain_name_matches(const char *pattern, const char *name)
{
    if (strcmp(pattern, name) == 0)
        return true;
    if (strncmp(pattern, "*.", 2) != 0 || name[0] == '*')
        return false;
    const char *dot = strchr(name, '.');
    return dot != NULL && dot != name && strcmp(dot, pattern + 1) == 0;
}

bool chain_covers(const struct chain *chain, const char *name)
{
    for (char **own = chain->names; *own != NULL; own++)
        if (chain_name_matches(*own, name))
            return true;
    return false;
}
