/*
 * tls.c - OpenSSL's side of a connection to Redis.
 *
 * A reload makes a whole new context and takes its place only if all of it is
 * good. Whether something changed is judged by a digest of the files, because
 * a reload for other reasons is no reason to connect anew.
 */
#include "common/redis/tls.h"

#include "common/base/alloc.h"

#include <arpa/inet.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redis_tls {
    char *ca_file, *cert_file, *key_file, *server_name;
    SSL_CTX *context;
    unsigned char digest[EVP_MAX_MD_SIZE];
};

/* OpenSSL's own would ask on the terminal, and wait. */
static int tls_no_password(char *buffer, int size, int is_write, void *context)
{
    return 0;
}

static const char *tls_reason(unsigned long code)
{
    const char *reason = ERR_reason_error_string(code);
    return reason == NULL ? "unknown error" : reason;
}

/* False, always; err says what OpenSSL found wrong with the file. */
static bool tls_refuse(const char *option, const char *path, struct error *err)
{
    /* The first is the cause, what follows the consequence. */
    unsigned long code = ERR_get_error();
    const char *why =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : NULL;
    ERR_clear_error();
    return error_set(
        err, "%s: %s: %s", option, path, why == NULL ? tls_reason(code) : why);
}

static bool tls_use_files(
    const struct redis_tls *tls, SSL_CTX *context, struct error *err)
{
    const char *key_option = "store_tls_key_file", *key_file = tls->key_file;
    if (*key_file == '\0') {
        key_option = "store_tls_cert_file";
        key_file = tls->cert_file;
    }
    if (*tls->ca_file == '\0')
        (void)SSL_CTX_set_default_verify_paths(context);
    else if (SSL_CTX_load_verify_locations(context, tls->ca_file, NULL) != 1)
        return tls_refuse("store_tls_ca_file", tls->ca_file, err);
    if (*tls->cert_file == '\0')
        return true;
    if (SSL_CTX_use_certificate_chain_file(context, tls->cert_file) != 1)
        return tls_refuse("store_tls_cert_file", tls->cert_file, err);
    /* It also fails if the key is not the certificate's. */
    return SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) ==
               1 ||
           tls_refuse(key_option, key_file, err);
}

static SSL_CTX *tls_make_context(const struct redis_tls *tls, struct error *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        abort();
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(context, tls_no_password);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    /* Redis closes without saying so; replies know their own length. */
    (void)SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (!tls_use_files(tls, context, err)) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

/* A file that cannot be read is like an empty one: who uses it complains. */
static void tls_digest_file(EVP_MD_CTX *digest, const char *path)
{
    char bytes[4096];
    size_t len;
    FILE *file = *path == '\0' ? NULL : fopen(path, "re");
    (void)EVP_DigestUpdate(digest, path, strlen(path) + 1);
    if (file == NULL)
        return;
    while ((len = fread(bytes, 1, sizeof bytes, file)) > 0)
        (void)EVP_DigestUpdate(digest, bytes, len);
    (void)fclose(file);
    explicit_bzero(bytes, sizeof bytes);
}

static void tls_digest(const struct redis_tls *tls, unsigned char *out)
{
    unsigned len;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
        abort();
    tls_digest_file(digest, tls->ca_file);
    tls_digest_file(digest, tls->cert_file);
    tls_digest_file(digest, tls->key_file);
    (void)EVP_DigestFinal_ex(digest, out, &len);
    EVP_MD_CTX_free(digest);
}

bool redis_tls_reload(
    struct redis_tls *tls, bool *is_changed_r, struct error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    /* Before the files are used: one that changes in between differs at the
     * next reload. */
    tls_digest(tls, digest);
    SSL_CTX *context = tls_make_context(tls, err);
    if (context == NULL)
        return false;
    *is_changed_r = memcmp(digest, tls->digest, sizeof digest) != 0;
    memcpy(tls->digest, digest, sizeof digest);
    SSL_CTX_free(tls->context);
    tls->context = context;
    return true;
}

struct redis_tls *redis_tls_new(
    const struct redis_tls_files *files, struct error *err)
{
    bool is_changed;
    struct redis_tls *tls = xcalloc(1, sizeof *tls);
    tls->ca_file = xstrdup(files->ca_file);
    tls->cert_file = xstrdup(files->cert_file);
    tls->key_file = xstrdup(files->key_file);
    tls->server_name = xstrdup(files->server_name);
    if (!redis_tls_reload(tls, &is_changed, err))
        redis_tls_free(&tls);
    return tls;
}

void redis_tls_free(struct redis_tls **tls_p)
{
    struct redis_tls *tls = *tls_p;
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    free(tls->ca_file);
    free(tls->cert_file);
    free(tls->key_file);
    free(tls->server_name);
    free(tls);
    *tls_p = NULL;
}

static bool is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 ||
           inet_pton(AF_INET6, host, &address) == 1;
}

SSL *redis_tls_link(const struct redis_tls *tls, const char *host)
{
    const char *name = *tls->server_name == '\0' ? host : tls->server_name;
    SSL *ssl = SSL_new(tls->context);
    if (ssl == NULL)
        return NULL;
    X509_VERIFY_PARAM *wanted = SSL_get0_param(ssl);
    bool ok = is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(wanted, name)
                               : X509_VERIFY_PARAM_set1_host(wanted, name, 0) &&
                                     SSL_set_tlsext_host_name(ssl, name);
    if (!ok) {
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

void redis_tls_describe(struct bufferevent *bev, char *text, size_t size)
{
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    unsigned long code = 0, next;
    text[0] = '\0';
    if (ssl == NULL)
        return;
    /* The oldest is the cause. libevent puts numbers of its own among them. */
    while ((next = bufferevent_get_openssl_error(bev)) != 0)
        if (!ERR_SYSTEM_ERROR(next) && ERR_reason_error_string(next) != NULL)
            code = next;
    ERR_clear_error();
    long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK)
        (void)snprintf(text, size, "TLS: the server's certificate: %s",
            X509_verify_cert_error_string(verdict));
    else if (code != 0)
        (void)snprintf(text, size, "TLS: %s", tls_reason(code));
}
