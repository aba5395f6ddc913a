/*
 * certificate_report.c - what people may know of a section: everything but
 * the keys. Reads, never changes.
 */
#include "common/certs/certificate.h"
#include "common/certs/certs.h"

static void add_chain(const struct certificate *certificate, unsigned algorithm,
    struct certs_report *report)
{
    const struct chain *chain = certificate->chains[algorithm];
    const char *where = certificate->where[algorithm];

    report->chains[report->chain_count++] = (struct certs_chain){
        .key_type = chain_algorithm_name(chain->algorithm),
        .key_bits = chain->bits,
        .names = chain->names,
        .issuer = chain->issuer,
        .fingerprint = chain->fingerprint,
        .issued_at = chain->issued_at,
        .not_before = chain->not_before,
        .not_after = chain->not_after,
        .found_at = where != NULL ? where : "",
        .since_s = certificate->since_s[algorithm],
    };
}

void certificate_report(
    const struct certificate *certificate, struct certs_report *report_r)
{
    const struct config_certificate *config = certificate->config;
    const struct publication *publication = &certificate->publication;
    const struct verification *verification = &certificate->verification;
    const char *program = config->on_change[0];
    bool is_writing = publication_is_writing(certificate);

    *report_r = (struct certs_report){
        .title = config->title,
        .source = config->source,
        .problem = certificate->problem,
        .expiry_warning_s = (int64_t)(config->expiry_warning_ms / 1000),
        .looked_s = certificate->looked_s,
        .has_sni = config->sni,
        .default_chain = {config->default_chain, publication->chain_s,
            publication->needs_chain ||
                (is_writing && !publication->writes_map)},
        .refresh_map = {config->refresh_map, publication->map_s,
            publication->needs_map || publication->map_again_ms != 0 ||
                (is_writing && publication->writes_map)},
        .on_change = {program != NULL ? program : "", publication->command_s,
            publication->needs_command || publication->has_asked},
        .verify = {config->verify, verification->problem,
            verification_has_failed(certificate), verification->looked_s,
            verification->good_s},
    };
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        if (certificate->chains[i] != NULL)
            add_chain(certificate, i, report_r);
}
