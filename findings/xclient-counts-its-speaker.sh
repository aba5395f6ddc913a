#!/bin/bash
# Postfix 3.7.11 (Debian 12) and 3.10.13 (Debian 13).
#
# A proxy that may speak XCLIENT says for whom it speaks. One would think that
# smtpd counts connections, messages and recipients of that client at anvil, as
# it checks them against its lists: in 3.7 it does.
#
# 3.10 counts them for the address that XCLIENT came from, so that all clients
# behind one proxy share one counter: of eight messages for eight clients under
# a limit of five the last three are refused.
. "$(dirname "$0")/lib.sh"

send='
postfix start >/dev/null 2>&1
python3 -c "
import smtplib
for n in range(1, 9):
    with smtplib.SMTP(\"127.0.0.1\", 2525) as one:
        one.ehlo(\"proxy.example\")
        one.docmd(\"XCLIENT\", f\"ADDR=192.0.2.{n}\")
        one.ehlo(\"client.example\")
        print(one.mail(\"a@client.example\")[0])
"
postfix stop >/dev/null 2>&1
'
settings='smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_client_message_rate_limit = 5
smtpd_client_event_limit_exceptions ='

root bookworm postfix=3.7.11-0+deb12u1 python3
expect "$(printf '250\n%.0s' 1 2 3 4 5 6 7 8)" \
    "$(inside "$postfix_alone$send" "$settings")"
root trixie postfix=3.10.13-0+deb13u1 python3
expect "$(printf '250\n%.0s' 1 2 3 4 5; printf '450\n%.0s' 6 7 8)" \
    "$(inside "$postfix_alone$send" "$settings")"
