/*
 * served.c - see served.h.
 *
 * A client that knows one kind of signatures only is served the chain of that
 * kind, by TLS 1.2 and 1.3 alike. Once the certificate has been seen all is
 * known: how the session ends is no matter.
 */
#include "common/certs/served.h"

#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/certs/chain_build.h"
#include "common/certs/dialogue.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_LINES_MAX 100
#define SAID_SIZE       200 /* of what is repeated of the server's words */
#define SERIAL_SIZE     64

static const char *const signatures[CHAIN_ALGORITHMS] = {
    [CHAIN_RSA] = "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:"
                  "RSA+SHA384:RSA+SHA512",
    [CHAIN_ECDSA] = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512",
    [CHAIN_ED25519] = "ed25519",
    [CHAIN_ML_DSA_65] = "mldsa65",
};

/* The reply to what, which has to begin with code. has_word_r: whether one of
 * its lines is that word; or NULL. */
static bool expect(struct dialogue *dialogue, const char *what,
    const char *code, const char *word, bool *has_word_r, struct error *err)
{
    char line[DIALOGUE_LINE_MAX], said[SAID_SIZE];

    for (size_t i = 0; i < REPLY_LINES_MAX; i++) {
        if (!dialogue_get_line(dialogue, line, err))
            return error_prefix(err, "%s: ", what);
        if (strncmp(line, code, 3) != 0)
            return error_set(err, "%s: \"%s\"", what,
                log_escape(said, sizeof said, line, strlen(line)));
        if (has_word_r != NULL && line[3] != '\0' &&
            strcmp(line + 4, word) == 0)
            *has_word_r = true;
        if (line[3] != '-')
            return true;
    }
    return error_set(err, "%s: more than %d lines", what, REPLY_LINES_MAX);
}

static bool start_tls(struct dialogue *dialogue, const struct dialogue_tls *tls,
    struct error *err)
{
    char hello[100], own[64];
    bool has_tls = false;

    (void)snprintf(hello, sizeof hello, "EHLO [%s]\r\n",
        dialogue_own_address(dialogue, own));
    if (!expect(dialogue, "greeting", "220", NULL, NULL, err) ||
        !dialogue_put(dialogue, hello, err) ||
        !expect(dialogue, "EHLO", "250", "STARTTLS", &has_tls, err))
        return false;
    if (!has_tls)
        return error_set(err, "no STARTTLS offered");
    return dialogue_put(dialogue, "STARTTLS\r\n", err) &&
           expect(dialogue, "STARTTLS", "220", NULL, NULL, err) &&
           dialogue_start_tls(dialogue, tls, err);
}

static void leave(struct dialogue *dialogue, bool is_greeted)
{
    struct error ignored;

    if (is_greeted || expect(dialogue, "greeting", "220", NULL, NULL, &ignored))
        (void)(dialogue_put(dialogue, "QUIT\r\n", &ignored) &&
               expect(dialogue, "QUIT", "221", NULL, NULL, &ignored));
}

static void serial_of(X509 *certificate, char serial_r[SERIAL_SIZE])
{
    BIGNUM *number =
        ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *text = number != NULL ? BN_bn2hex(number) : NULL;

    (void)snprintf(serial_r, SERIAL_SIZE, "%s", text != NULL ? text : "?");
    OPENSSL_free(text);
    BN_free(number);
}

static bool tell_other(X509 *certificate, const char *fingerprint,
    const struct chain *chain, struct error *err)
{
    char serial[SERIAL_SIZE], date[CHAIN_DATE_SIZE];
    int64_t issued_at = 0;
    bool is_dated =
        chain_read_time(X509_get0_notBefore(certificate), &issued_at);

    serial_of(certificate, serial);
    return error_set(err,
        "%s certificate is served: serial %s, issued %s, SHA-256 %s",
        is_dated && issued_at < chain->issued_at ? "an older" : "another",
        serial, is_dated ? chain_date(issued_at, date) : "?", fingerprint);
}

static bool judge(const struct dialogue *dialogue, const struct chain *chain,
    struct error *err)
{
    X509 *certificate = SSL_get1_peer_certificate(dialogue->ssl);
    unsigned char digest[EVP_MAX_MD_SIZE];
    char fingerprint[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len;

    if (certificate == NULL)
        return error_set(err, "no certificate is served");
    if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1)
        abort();
    (void)hex_write(fingerprint, digest, len);
    bool is_same = strcmp(fingerprint, chain->fingerprint) == 0 ||
                   tell_other(certificate, fingerprint, chain, err);
    X509_free(certificate);
    return is_same;
}

bool served_ask(const struct served_question *question, struct error *err)
{
    const struct config_verify_place *place = question->place;
    const struct dialogue_tls tls = {
        question->name, signatures[question->chain->algorithm]};
    struct dialogue dialogue;

    bool is_good = dialogue_begin(&dialogue, place, SERVED_TIMEOUT_MS, err);
    if (!is_good)
        error_prefix(err, "%s: ", place->text);
    else if (!(place->is_wrapped ? dialogue_start_tls(&dialogue, &tls, err)
                                 : start_tls(&dialogue, &tls, err)) ||
             !judge(&dialogue, question->chain, err))
        is_good = error_prefix(err, "%s, %s%s, %s: ", place->text,
            question->name != NULL ? "SNI " : "no SNI",
            question->name != NULL ? question->name : "",
            chain_algorithm_name(question->chain->algorithm));
    if (dialogue.fd != -1 &&
        (dialogue.ssl == NULL || SSL_is_init_finished(dialogue.ssl)))
        leave(&dialogue, !place->is_wrapped);
    dialogue_end(&dialogue);
    return is_good;
}
