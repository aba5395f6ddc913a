"""Hosts with content filters: every path before doctor's commands and after."""
import pytest

from host import HEADER, Kind, MAIN, check
from network import CLIENT, LOCALHOST, PROXY
from paths import (OTHERS, Path, Sendmail, from_localhost, from_the_net,
                   limited, proxied, submitted, submitted_by_proxy)

# As smtp-sink answers, and not Postfix itself.
TAKEN = "250 2.0.0 Ok$"


def sink(port):
    """What takes all mail, at a port of loopback."""
    return ["/usr/sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{port}",
            "100"], port


def given_back(name, port):
    """By a content filter of this machine."""
    return Path(name, port, client=LOCALHOST, server=LOCALHOST,
                recipient=OTHERS)

# Modoboa: Amavis stands before the queue, both for what comes and for what
# users send, and gives back at 10025. Its own policy daemon is asked first.
MODOBOA = Kind(
    "Modoboa", MAIN + """
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = yes
smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:9999,
  permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
postscreen_access_list = permit_mynetworks
postscreen_greet_action = enforce
postscreen_dnsbl_sites =
""", f"""
smtp inet n - y - 1 postscreen
12525 inet n - y - 1 postscreen -o postscreen_upstream_proxy_protocol=haproxy
smtpd pass - - y - - smtpd -o smtpd_sasl_auth_enable=no
  -o smtpd_proxy_filter=inet:[127.0.0.1]:10024
  -o smtpd_proxy_options=speed_adjust
dnsblog unix - - y - 0 dnsblog
tlsproxy unix - - y - 0 tlsproxy
submission inet n - y - - smtpd -o smtpd_tls_security_level=encrypt
  -o smtpd_proxy_filter=inet:[127.0.0.1]:10026
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:10025 inet n - y - - smtpd
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
  -o smtpd_client_restrictions= -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions= -o smtpd_data_restrictions=
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o receive_override_options=no_unknown_recipient_checks
127.0.0.1:9999 inet n n n - 0 spawn user=nobody argv=@place@/says-DUNNO
""", [
        *from_the_net(25)[1:], Path("25 from the net", 25, TAKEN),
        *proxied(12525)[1:],
        Path("12525 by the proxy", 12525, TAKEN, client=PROXY, says=CLIENT),
        Path("12525 with a login", 12525, "503", client=PROXY, says=CLIENT,
             tls="start", login="bob", recipient=OTHERS),
        *limited(12525, client=PROXY, says=CLIENT),
        Path("587 with a login", 587, TAKEN, tls="start", login="bob",
             recipient=OTHERS),
        Path("587 without a login", 587, "554", tls="start"),
        given_back("Amavis gives back", 10025), Sendmail()],
    (12525,), programs=(sink(10024), sink(10026)))

# iRedMail: iRedAPD is asked at RCPT and at the end, and its list of friends
# lets everybody pass; Amavis stands behind the queue on both ways.
_IREDMAIL_SUBMISSION = """smtpd -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o content_filter=amavis:[127.0.0.1]:10026"""
_IREDMAIL_BACK = """smtpd -o content_filter= -o mynetworks_style=host
  -o mynetworks=127.0.0.0/8 -o local_recipient_maps=
  -o smtpd_client_restrictions= -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions= -o smtpd_end_of_data_restrictions=
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o receive_override_options=no_header_body_checks,no_unknown_recipient_checks"""
IREDMAIL = Kind(
    "iRedMail", MAIN + """
content_filter = amavis:[127.0.0.1]:10024
smtpd_recipient_restrictions = reject_non_fqdn_recipient,
  reject_unlisted_recipient, check_policy_service inet:127.0.0.1:7777,
  permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:7777
smtpd_sender_restrictions = permit_mynetworks, permit_sasl_authenticated
""", f"""
smtp inet n - y - - smtpd
12525 inet n - y - - smtpd {HEADER}
submission inet n - y - - {_IREDMAIL_SUBMISSION}
  -o smtpd_tls_security_level=encrypt
465 inet n - y - - {_IREDMAIL_SUBMISSION} -o smtpd_tls_wrappermode=yes
10587 inet n - y - - {_IREDMAIL_SUBMISSION} {HEADER}
  -o smtpd_tls_security_level=encrypt
amavis unix - - n - 2 smtp -o smtp_send_xforward_command=yes
127.0.0.1:10025 inet n - y - - {_IREDMAIL_BACK}
127.0.0.1:10028 inet n - y - - {_IREDMAIL_BACK}
127.0.0.1:7777 inet n n n - 0 spawn user=nobody argv=@place@/says-OK
""", [
        *from_the_net(25), *proxied(12525), *submitted(587),
        *submitted(465, "wrap"), *submitted_by_proxy(10587, forged="554"),
        *limited(12525, client=PROXY, says=CLIENT),
        given_back("Amavis gives back", 10025),
        given_back("Amavis gives back what users send", 10028),
        *from_localhost(25), Sendmail()],
    (12525, 10587), programs=(sink(10024), sink(10026)))

# Kolab: Amavis, then Wallace; its own policy service is spawned, and asked in
# lists that submission has of its own.
KOLAB = Kind(
    "Kolab", MAIN + """
content_filter = amavis:[127.0.0.1]:10024
smtpd_sender_restrictions = permit_mynetworks, reject_non_fqdn_sender
smtpd_recipient_restrictions = permit_mynetworks, reject_unlisted_recipient,
  reject_unauth_destination, check_policy_service unix:private/incoming, permit
submission_recipient_restrictions = check_policy_service unix:private/outgoing,
  permit_sasl_authenticated, reject
submission_data_restrictions = check_policy_service unix:private/outgoing
""", f"""
smtp inet n - n - - smtpd
12525 inet n - n - - smtpd {HEADER}
submission inet n - n - - smtpd
  -o cleanup_service_name=cleanup_submission
  -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
  -o smtpd_sasl_authenticated_header=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o smtpd_data_restrictions=$submission_data_restrictions
  -o smtpd_recipient_restrictions=$submission_recipient_restrictions
cleanup_submission unix n - n - 0 cleanup
cleanup_internal unix n - n - 0 cleanup
amavis unix - - n - 3 smtp -o smtp_send_xforward_command=yes
wallace unix - - n - 3 smtp
127.0.0.1:10025 inet n - n - 100 smtpd
  -o cleanup_service_name=cleanup_internal
  -o content_filter=wallace:[127.0.0.1]:10026
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
127.0.0.1:10027 inet n - n - 100 smtpd
  -o cleanup_service_name=cleanup_internal -o content_filter=
  -o mynetworks=127.0.0.0/8
incoming unix - n n - - spawn user=nobody argv=@place@/says-DUNNO
outgoing unix - n n - - spawn user=nobody argv=@place@/says-DUNNO
""", [
        *from_the_net(25), *proxied(12525), *submitted(587),
        *limited(12525, client=PROXY, says=CLIENT),
        given_back("Amavis gives back", 10025),
        given_back("Wallace gives back", 10027),
        *from_localhost(25), Sendmail()],
    (12525,), programs=(sink(10024), sink(10026)))


@pytest.mark.parametrize("kind", [MODOBOA, IREDMAIL, KOLAB],
                         ids=str)
def test_every_path(network, place, keep, kind):
    check(kind, place, keep)
