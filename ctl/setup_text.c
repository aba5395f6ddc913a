/*
 * setup_text.c - the tollgate.conf that setup writes: its hosts, its sets of
 * limits, its comments.
 *
 * What hosts need stands here as in the examples below docker/; limits are
 * those of conf/profiles, taken over when tollgate is built.
 */
#include "ctl/setup.h"

#include "common/config/show.h"
#include "ctl/setup_profiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const smtp_ports[] = {"12525", NULL};
static const char *const all_ports[] = {"12525", "10465", "10587", NULL};

const struct setup_host setup_hosts[] = {
    {.name = "docker-mailserver",
        .output = "tollgate.conf",
        .ports = all_ports,
        .has_logins = true,
        .text =
            "# Numbers of docker-mailserver's users and this image's differ. "
            "Only the\n"
            "# containers that mount the volume can come to the sockets.\n"
            "policyd {\n"
            "  listen = {\n"
            "    \"policy:unix:/run/tollgate/policy\",\n"
            "    \"sni:unix:/run/tollgate/sni\",\n"
            "    \"anvil-pass:unix:/run/tollgate/anvil\",\n"
            "  }\n"
            "  socket_mode = \"0666\"\n"
            "  socket_group = \"\"\n"
            "  http = \"0.0.0.0:9309\"\n"
            "}\n"
            "# docker compose exec mailserver id -u postfix\n"
            "postfix_user = \"${POSTFIX_UID:-101}\"\n",
        .next = "Put it beside your compose.yaml, and the number that\n"
                "  docker compose exec mailserver id -u postfix\n"
                "prints into postfix_user. doc/guide-docker-mailserver.md goes "
                "on from there.\n"},
    {.name = "mailu",
        .output = "tollgate.conf",
        .ports = smtp_ports,
        .text = "instance_name = \"${POD_NAME:-}\"\n"
                "# The pods of Mailu, webmail among them, as in its SUBNET.\n"
                "exempt_clients = { \"${SUBNET:-10.42.0.0/16}\" }\n"
                "\n"
                "# Numbers of Mailu's users and this image's differ. Only this "
                "pod's\n"
                "# containers can come to the sockets.\n"
                "policyd {\n"
                "  listen = {\n"
                "    \"policy:unix:/run/tollgate/policy\",\n"
                "    \"anvil-pass:unix:/run/tollgate/anvil\",\n"
                "  }\n"
                "  socket_mode = \"0666\"\n"
                "  socket_group = \"\"\n"
                "  http = \"0.0.0.0:9309\"\n"
                "}\n"
                "postfix_user = \"${POSTFIX_UID:-100}\"\n",
        .next = "Put it in the place of docker/kubernetes/mailu/common/"
                "tollgate.conf in your copy.\n"
                "doc/guide-kubernetes.md, step 4, goes on from there.\n"},
    {.name = "debian",
        .output = "/etc/tollgate/tollgate.conf",
        .ports = smtp_ports,
        .has_logins = true,
        .text = "",
        .next = "Now, and as often as doctor has something to say:\n"
                "  systemctl enable tollgate-policyd\n"
                "  systemctl restart tollgate-policyd\n"
                "  tollgatectl doctor\n"},
    {0},
};

static void write_head(const struct setup *setup, FILE *out)
{
    fprintf(out,
        "# tollgate.conf for %s, made by tollgatectl setup. tollgate.conf(5) "
        "explains\n"
        "# each option, and has many more.\n\n",
        setup->host->name);
}

static void write_store(
    const struct setup *setup, bool hides_password, FILE *out)
{
    fputs(strcmp(setup->store, "memory:") == 0
              ? "# Counters live in this process. Several mail servers share "
                "them in a Redis:\n"
                "# store = \"redis://redis.example.com\"\n"
              : "# All mail servers with this line share their counters.\n",
        out);
    fputs("store = ", out);
    show_text(setup->store, hides_password, out);
    fputs("\n\n", out);
}

static void write_limits(const struct setup *setup, FILE *out)
{
    if (setup->limits->text[0] == '\0') {
        fputs("# No limits here: those of main.cf (smtpd_client_*_limit) hold, "
              "on shared counters.\n\n",
            out);
        return;
    }
    fprintf(out,
        "# What one client may do, at all mail servers of the store together: "
        "the profile\n"
        "# \"%s\". Postfix asks only where main.cf has the same limit, above 0 "
        "and not\n"
        "# below the one here; tollgatectl doctor looks at that.\n"
        "# shadow = true on top refuses nobody, and logs who would be.\n"
        "%s\n",
        setup->limits->name, setup->limits->text);
    if (setup->host->has_logins)
        fputs("# Recipients of a login in any 24 hours; for one that needs "
              "more:\n"
              "# tollgatectl override set login-day sasl:NAME 2000/1d\n"
              "limit \"login-day\" {\n"
              "  at = \"policy\"\n"
              "  event = \"recipient\"\n"
              "  key = { \"sasl_username\" }\n"
              "  rate = \"500/1d\"\n"
              "}\n\n",
            out);
}

static void write_service(
    const struct setup *setup, const char *port, FILE *out)
{
    fprintf(out,
        "service \"%s\" {\n"
        "  port = %s\n"
        "  proxied = true\n"
        "  trusted_proxies = { ",
        port, port);
    for (size_t i = 0; i < setup->proxy_count; i++) {
        fputs(i > 0 ? ", " : "", out);
        show_text(setup->proxies[i], false, out);
    }
    fputs(" }\n}\n", out);
}

static void write_services(const struct setup *setup, FILE *out)
{
    if (setup->proxy_count == 0)
        return;
    fputs("# Listeners with smtpd_upstream_proxy_protocol = haproxy in "
          "master.cf. Whoever\n"
          "# comes there past these proxies is refused, whatever its header "
          "says.\n",
        out);
    for (const char *const *port = setup->host->ports; *port != NULL; port++)
        write_service(setup, *port, out);
    fputc('\n', out);
}

char *setup_text(const struct setup *setup, bool hides_password)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        abort();
    write_head(setup, out);
    write_store(setup, hides_password, out);
    write_limits(setup, out);
    write_services(setup, out);
    fputs(setup->host->text, out);
    if (fclose(out) != 0)
        abort();
    return text;
}
