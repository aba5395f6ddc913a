/*
 * build_redis.c - what the store_* options say against each other.
 *
 * Whether files can be read is found where they are: that depends on the user
 * that the daemon becomes.
 */
#include "common/config/build.h"

#include "common/config/option_checks.h"
#include "common/config/redis_url.h"

#include <string.h>

static struct setting *store_setting(
    const struct config *config, const char *name)
{
    return section_setting(values_section(config->values, SECTION_TOP), name);
}

/* AUTH with a user has two arguments. */
static bool check_user_alone(
    const struct config *config, const struct redis_url *url, struct error *err)
{
    bool has_user = config->store_username[0] != '\0' || url->username != NULL;
    bool has_password =
        config->store_password[0] != '\0' || url->password != NULL;
    return !has_user || has_password ||
           setting_refuse(store_setting(config, "store"), err,
               "a user without a password; set store_password");
}

static bool check_sentinel(
    const struct config *config, bool is_sentinel, struct error *err)
{
    static const char *const names[] = {
        "store_sentinel_username", "store_sentinel_password"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct setting *setting = store_setting(config, names[i]);
        if (*setting_text(setting) != '\0' && !is_sentinel)
            return setting_refuse(setting, err,
                "the store has no Sentinels; its URL must begin with "
                "redis+sentinel or rediss+sentinel");
    }
    return config->store_sentinel_username[0] == '\0' ||
           config->store_sentinel_password[0] != '\0' ||
           setting_refuse(store_setting(config, names[0]), err,
               "a user without a password; set store_sentinel_password");
}

static bool check_tls(
    const struct config *config, bool is_tls, struct error *err)
{
    static const char *const names[] = {"store_tls_ca_file",
        "store_tls_cert_file", "store_tls_key_file", "store_tls_server_name"};
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !is_tls; i++) {
        const struct setting *setting = store_setting(config, names[i]);
        if (*setting_text(setting) != '\0')
            return setting_refuse(setting, err,
                "the store is not reached over TLS; its URL must begin with "
                "rediss");
    }
    return config->store_tls_key_file[0] == '\0' ||
           config->store_tls_cert_file[0] != '\0' ||
           setting_refuse(store_setting(config, "store_tls_key_file"), err,
               "a key without a certificate; set store_tls_cert_file");
}

bool build_check_store(const struct config *config, struct error *err)
{
    struct redis_url url;
    size_t len;
    if (config->store_password[0] != '\0' &&
        option_find_password(config->store, &len) != NULL)
        return setting_refuse(store_setting(config, "store_password"), err,
            "the URL in store has a password too; give one of them");
    if (strcmp(config->store, "memory:") == 0)
        return check_sentinel(config, false, err) &&
               check_tls(config, false, err);
    if (!redis_url_parse(config->store, &url, err))
        return false;
    bool ok = check_user_alone(config, &url, err) &&
              check_sentinel(config, url.kind == REDIS_SENTINEL, err) &&
              check_tls(config, url.is_tls, err);
    redis_url_clear(&url);
    return ok;
}
