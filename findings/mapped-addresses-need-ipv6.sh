#!/bin/bash
# Postfix 3.7.11 (Debian 12) and 3.10.13 (Debian 13).
#
# A proxy that listens on a dual-stack socket names IPv4 clients in its PROXY
# header as TCP6 ::ffff:a.b.c.d. One would think that an smtpd that speaks
# IPv4 alone (inet_protocols = ipv4) takes such a client for the IPv4 client that it is,
# as it does with inet_protocols = all, where the address is written as IPv4.
#
# It does not: the protocol type is judged first, so every session of that proxy
# ends with 421 before the greeting.
. "$(dirname "$0")/lib.sh"

settings='smtpd_upstream_proxy_protocol = haproxy'
greet='
postfix start >/dev/null 2>&1
python3 -c "
import socket
with socket.create_connection((\"127.0.0.1\", 2525)) as one:
    one.sendall(b\"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:127.0.0.1 9 25\\r\\n\")
    print(one.recv(99)[:3].decode())
"
postfix stop >/dev/null 2>&1
grep -o " connect from .*" /var/log/mail.log || true
rm -f /var/log/mail.log
'
for debian in bookworm=3.7.11-0+deb12u1 trixie=3.10.13-0+deb13u1; do
    root "${debian%%=*}" "postfix=${debian#*=}" python3
    expect "220
 connect from unknown[192.0.2.1]" "$(inside "$postfix_alone$greet" \
        "$settings
inet_protocols = all")"
    expect "421
 connect from localhost[127.0.0.1]" "$(inside "$postfix_alone$greet" "$settings
inet_protocols = ipv4")"
done
