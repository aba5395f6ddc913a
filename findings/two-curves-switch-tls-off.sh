#!/bin/bash
# Postfix 3.7.11 (Debian 12) and 3.10.13 (Debian 13).
#
# smtpd_tls_chain_files takes chains of several algorithms in one file. One
# would think that of two EC keys, P-256 and P-384, the second is left out, or is
# served to clients that ask for its curve.
#
# Neither: OpenSSL has one place for ECDSA, Postfix does not replace what is
# there, and takes the second chain for an error of the whole: smtpd offers
# STARTTLS, but each who asks for it gets 454, though the first chain is sound.
# RSA and P-256 together are fine.
. "$(dirname "$0")/lib.sh"

make_key='
make_key() {
    openssl req -x509 -newkey "$1" ${2:+-pkeyopt "$2"} -nodes -days 30 \
        -subj /CN=host.example -keyout /tmp/key -out /tmp/cert 2>/dev/null
    cat /tmp/key /tmp/cert
}
offer() {
    postfix start >/dev/null 2>&1
    python3 -c "
import smtplib
with smtplib.SMTP(\"127.0.0.1\", 2525) as one:
    one.ehlo(\"client.example\")
    print(*one.docmd(\"STARTTLS\"))
"
    grep -o "disabling TLS support" /var/log/mail.log | sort -u
    postfix stop >/dev/null 2>&1
    rm -f /var/log/mail.log
}
{ make_key rsa:2048; make_key ec ec_paramgen_curve:P-256; } >/etc/postfix/chains
offer
{ make_key ec ec_paramgen_curve:P-256; make_key ec ec_paramgen_curve:P-384
} >/etc/postfix/chains
offer
'
settings='smtpd_tls_security_level = may
smtpd_tls_chain_files = /etc/postfix/chains'

for debian in bookworm=3.7.11-0+deb12u1 trixie=3.10.13-0+deb13u1; do
    root "${debian%%=*}" "postfix=${debian#*=}" openssl python3
    expect "220 b'2.0.0 Ready to start TLS'
454 b'4.7.0 TLS not available due to local problem'
disabling TLS support" "$(inside "$postfix_alone$make_key" "$settings")"
done
