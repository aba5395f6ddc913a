/*
 * noop_milter.c - a libmilter milter that does nothing.
 *
 * Negotiates the same steps as tollgate-milter on a unix or inet socket does,
 * answers "continue" to each and looks at nothing: what is left is libmilter
 * and Postfix, so it is the yardstick of the milter. Ends at SIGTERM, at the
 * latest five seconds after it.
 *
 * Usage: noop_milter unix:PATH | inet:PORT@[ADDRESS]
 */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int is_inet;

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    return SMFIS_CONTINUE;
}

static sfsistat on_envelope(SMFICTX *ctx, char **arguments)
{
    return SMFIS_CONTINUE;
}

static sfsistat on_other(SMFICTX *ctx)
{
    return SMFIS_CONTINUE;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions,
    unsigned long steps, unsigned long unused2, unsigned long unused3,
    unsigned long *actions_r, unsigned long *steps_r, unsigned long *unused2_r,
    unsigned long *unused3_r)
{
    unsigned long wanted = SMFIP_RCPT_REJ | SMFIP_NR_MAIL | SMFIP_NOUNKNOWN |
                           SMFIP_NOEOH | SMFIP_NOHELO | SMFIP_NOHDRS |
                           SMFIP_NOBODY;

    if (!is_inet)
        wanted |= SMFIP_NODATA;
    *actions_r = SMFIF_ADDHDRS & actions;
    *steps_r = wanted & steps;
    *unused2_r = *unused3_r = 0;
    return SMFIS_CONTINUE;
}

/* A session is a descriptor. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    static char name[] = "noop_milter";
    const struct smfiDesc description = {
        .xxfi_name = name,
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS,
        .xxfi_connect = on_connect,
        .xxfi_envfrom = on_envelope,
        .xxfi_envrcpt = on_envelope,
        .xxfi_eom = on_other,
        .xxfi_abort = on_other,
        .xxfi_close = on_other,
        .xxfi_data = on_other,
        .xxfi_negotiate = on_negotiate,
    };

    if (argc != 2) {
        fprintf(stderr, "usage: noop_milter unix:PATH | inet:PORT@[ADDRESS]\n");
        return 2;
    }
    is_inet = strncmp(argv[1], "inet", 4) == 0;
    raise_descriptor_limit();
    (void)umask(0);
    if (smfi_register(description) != MI_SUCCESS ||
        smfi_setconn(argv[1]) != MI_SUCCESS ||
        smfi_setbacklog(4096) != MI_SUCCESS ||
        smfi_opensocket(true) != MI_SUCCESS)
        return 2;
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}
