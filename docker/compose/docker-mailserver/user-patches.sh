#!/bin/bash
# What tollgatectl doctor advises for a docker-mailserver behind a proxy:
# docker-mailserver runs this before Postfix starts, each time anew.
set -eu

# Listeners for the proxy beside the ordinary ones. smtpd at 12525, not postscreen:
# postscreen greets everybody before tollgate is asked.
proxied() {
    # Nobody is excepted here, for a header could name him; behind the other
    # listeners, as Amavis's, everything stays as it is.
    postconf -P "$1/inet/smtpd_upstream_proxy_protocol=haproxy" \
        "$1/inet/syslog_name=postfix/$2" \
        "$1/inet/smtpd_client_event_limit_exceptions=" \
        "$1/inet/smtpd_authorized_xclient_hosts="
}
copy() {
    postconf -M "$2/inet=$(postconf -Mf "$1/inet" | tr -s '\n ' ' ' |
        sed "s/^[^ ]*/$2/")"
}
postconf -M "12525/inet=12525 inet n - n - - smtpd"
proxied 12525 smtp-proxied
copy submissions 10465
proxied 10465 submissions-proxied
copy submission 10587
proxied 10587 submission-proxied

# tollgate in anvil's place; it answers with a refusal while the daemon is away.
postconf -M "anvil/unix=anvil unix - n n - 0 spawn -n anvil user=nobody \
argv=/opt/tollgate/tollgate-anvil-pass /run/tollgate/anvil"

# Only the twins of the limits in tollgate.conf, which decide.
postconf -e smtpd_client_connection_count_limit=50 \
    smtpd_client_connection_rate_limit=1000 \
    smtpd_client_message_rate_limit=1000 \
    smtpd_client_recipient_rate_limit=1000 \
    smtpd_forbid_unauth_pipelining=yes
if postconf smtpd_client_ipv6_prefix_length 2>/dev/null | grep -q =; then
    postconf -e smtpd_client_ipv4_prefix_length=32 \
        smtpd_client_ipv6_prefix_length=128
fi

# Asked first, before anybody is permitted.
policy='check_policy_service { unix:/run/tollgate/policy, timeout=10s, '
policy+='{ default_action=451 4.3.5 Server configuration problem } }'
first() {
    local now
    now=$(postconf -h "$1")
    case $now in
    *unix:/run/tollgate/policy*) ;;
    *) postconf -e "$1=$policy${now:+, $now}" ;;
    esac
}
first smtpd_recipient_restrictions
first smtpd_end_of_data_restrictions

# Certificates, live with the next handshake.
if [ -e /var/lib/tollgate/tls/default.pem ]; then
    postconf -X smtpd_tls_cert_file smtpd_tls_key_file
    postconf -e tls_server_sni_maps=socketmap:unix:/run/tollgate/sni:sni \
        smtpd_tls_chain_files=/var/lib/tollgate/tls/default.pem
    # By this map smtpd notices a new one. Without the package Postfix could not read
    # it, and would refuse all mail.
    postconf -m | grep -qx cdb ||
        { apt-get -qq update && apt-get -qq -y install postfix-cdb; } || true
    if postconf -m | grep -qx cdb; then
        postconf -e smtpd_milter_maps=cdb:/var/lib/tollgate/tls/refresh
    fi
fi
