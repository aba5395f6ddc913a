"""Stacks of containers: every path before doctor's commands and after them."""
import pytest

from host import HEADER, Kind, check
from network import CLIENT, FRONT, LOCALHOST, NEIGHBOUR, PROXY
from paths import (OTHERS, Path, Sendmail, from_localhost, from_the_net,
                   limited, proxied, submitted, submitted_by_proxy)

# Mailu: the front's nginx says by XCLIENT at 25 who comes, and at 10025 who has
# logged in. An override adds the port for the proxy.
_MAILU_MAIN = """
compatibility_level = 3.6
mynetworks = 127.0.0.1/32 172.22.1.0/24
smtpd_authorized_xclient_hosts = 172.22.1.0/24
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated,
  reject_unauth_destination
smtpd_client_restrictions = permit_mynetworks, reject_unauth_pipelining, permit
smtpd_sender_restrictions = permit_mynetworks, reject_unlisted_sender
smtpd_forbid_unauth_pipelining = no
"""
MAILU = Kind(
    "Mailu", _MAILU_MAIN, f"""
smtp inet n - n - - smtpd
10025 inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_discard_ehlo_keywords=pipelining
  -o smtpd_client_restrictions=reject_unlisted_sender,permit
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
12525 inet n - n - - smtpd {HEADER}
""", [
        *proxied(12525), *limited(12525, client=PROXY, says=CLIENT),
        Path("12525 forged as the front", 12525, "250", "421", says=FRONT,
             xclient=f"ADDR={LOCALHOST}", recipient=OTHERS),
        *from_the_net(25, client=FRONT, xclient=f"ADDR={CLIENT}"),
        Path("25 by a stranger who says XCLIENT", 25, "5[05]",
             xclient=f"ADDR={CLIENT}"),
        Path("25 by the webmail", 25, client=NEIGHBOUR, recipient=OTHERS),
        Path("10025 by the front, with a login", 10025, client=FRONT,
             xclient=f"ADDR={CLIENT} LOGIN=bob", recipient=OTHERS),
        Path("10025 by the front, without a login", 10025, "554",
             client=FRONT, xclient=f"ADDR={CLIENT}", recipient=OTHERS),
        *from_localhost(25), Sendmail()],
    (12525,))

# mailcow: postscreen at 25 and for the proxy at 10025; what smtpd behind it
# says keeps logins off. SOGo sends at 588, the quarantine gives back at 590.
_MAILCOW_CLIENT = """smtpd
  -o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=no
  -o smtpd_client_restrictions=permit_mynetworks,permit_sasl_authenticated,reject
  -o cleanup_service_name=cleanup"""
MAILCOW = Kind(
    "mailcow", """
compatibility_level = 3.6
mynetworks = 127.0.0.0/8 172.22.1.0/24
smtpd_tls_security_level = may
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = yes
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated,
  defer_unauth_destination
smtpd_recipient_restrictions = permit_sasl_authenticated, permit_mynetworks,
  reject_unauth_destination
smtpd_sender_restrictions = permit_mynetworks, permit_sasl_authenticated,
  reject_unlisted_sender
postscreen_access_list = permit_mynetworks
postscreen_greet_action = enforce
""", f"""
smtp inet n - n - 1 postscreen
10025 inet n - n - 1 postscreen -o postscreen_upstream_proxy_protocol=haproxy
  -o syslog_name=postfix/haproxy
smtpd pass - - n - - smtpd
  -o smtpd_sasl_auth_enable=no
  -o smtpd_sender_restrictions=permit_mynetworks,reject_unlisted_sender
dnsblog unix - - n - 0 dnsblog
tlsproxy unix - - n - 0 tlsproxy
587 inet n - n - - {_MAILCOW_CLIENT} -o smtpd_tls_security_level=encrypt
10587 inet n - n - - {_MAILCOW_CLIENT} {HEADER}
  -o smtpd_tls_security_level=encrypt
465 inet n - n - - {_MAILCOW_CLIENT} -o smtpd_tls_wrappermode=yes
10465 inet n - n - - {_MAILCOW_CLIENT} {HEADER} -o smtpd_tls_wrappermode=yes
588 inet n - n - - {_MAILCOW_CLIENT}
590 inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=no -o smtpd_milters=
  -o smtpd_client_restrictions=permit_mynetworks,reject
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
""", [
        *from_the_net(25), *proxied(10025),
        Path("10025 with a login", 10025, "503", client=PROXY, says=CLIENT,
             tls="start", login="bob", recipient=OTHERS),
        *limited(10025, client=PROXY, says=CLIENT),
        *submitted(587), *submitted(465, "wrap"),
        *submitted_by_proxy(10587), *submitted_by_proxy(10465, "wrap"),
        Path("588 by SOGo", 588, client=NEIGHBOUR, login="bob",
             recipient=OTHERS),
        Path("588 by a stranger", 588, "554", recipient=OTHERS),
        Path("590 from the quarantine", 590, client=NEIGHBOUR),
        Path("590 by a stranger", 590, "554"),
        *from_localhost(25), Sendmail()],
    (10025, 10465, 10587))

# simplelogin: aliases are domains that are relayed to the app, which sends out
# by the same Postfix.
SIMPLELOGIN = Kind(
    "simplelogin", """
compatibility_level = 3.6
mynetworks = 127.0.0.0/8 172.22.1.0/24
relay_domains = inline:{alias.example=OK}
relay_transport = discard:
smtpd_tls_security_level = may
smtpd_helo_required = yes
smtpd_helo_restrictions = permit_mynetworks, reject_non_fqdn_helo_hostname,
  permit
smtpd_sender_restrictions = permit_mynetworks, reject_non_fqdn_sender, permit
smtpd_recipient_restrictions = reject_unauth_pipelining,
  reject_non_fqdn_recipient, permit_mynetworks, reject_unauth_destination,
  permit
""", f"""
smtp inet n - n - - smtpd
12525 inet n - n - - smtpd {HEADER}
""", [
        *proxied(12525), *limited(12525, client=PROXY, says=CLIENT),
        Path("12525 to an alias", 12525, client=PROXY, says=CLIENT,
             recipient="x@alias.example", tls="start"),
        Path("25 by the app", 25, client=NEIGHBOUR, recipient=OTHERS),
        *from_localhost(25), Sendmail()],
    (12525,))


@pytest.mark.parametrize("kind", [MAILU, MAILCOW, SIMPLELOGIN],
                         ids=str)
def test_every_path(network, place, keep, kind):
    check(kind, place, keep)
