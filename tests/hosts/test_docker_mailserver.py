"""docker-mailserver, every path before doctor's commands and after them."""
import pytest

from host import HEADER, Kind, check
from network import CLIENT, LOCALHOST, PROXY
from paths import (OTHERS, Path, Sendmail, from_localhost, from_the_net,
                   limited, proxied, submitted, submitted_by_proxy)

PASSED = """
smtp inet n - n - 1 postscreen
smtpd pass - - n - - smtpd
dnsblog unix - - n - 0 dnsblog
tlsproxy unix - - n - 0 tlsproxy
"""

# docker-mailserver: postscreen at 25, and for the proxy a second one and copies
# of both submission ports, all by the host's own script. Amavis gives back at
# 10025.
_SUBMISSION = """smtpd
  -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions="""
_DMS_MASTER = f"""{PASSED}
12525 inet n - n - 1 postscreen
  -o syslog_name=postfix/smtp-proxy
  -o postscreen_upstream_proxy_protocol=haproxy
submission inet n - n - - {_SUBMISSION}
submissions inet n - n - - {_SUBMISSION} -o smtpd_tls_wrappermode=yes
10587 inet n - n - - {_SUBMISSION} {HEADER}
10465 inet n - n - - {_SUBMISSION} {HEADER} -o smtpd_tls_wrappermode=yes
127.0.0.1:10025 inet n - n - - smtpd
  -o syslog_name=postfix/smtpd-amavis
  -o content_filter= -o smtpd_helo_restrictions= -o smtpd_sender_restrictions=
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o smtpd_end_of_data_restrictions= -o mynetworks=127.0.0.0/8
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
127.0.0.1:10023 inet n n n - 0 spawn user=nobody argv=@place@/says-DUNNO
"""
_DMS_MAIN = """
compatibility_level = 3.6
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_helo_required = yes
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated
  defer_unauth_destination
dms_smtpd_sender_restrictions = permit_sasl_authenticated, permit_mynetworks,
  reject_non_fqdn_sender
smtpd_sender_restrictions = $dms_smtpd_sender_restrictions
smtpd_client_restrictions = permit_mynetworks, permit_sasl_authenticated,
  reject_unauth_pipelining
postscreen_access_list = permit_mynetworks
postscreen_greet_action = enforce
"""


def _dms_paths(localhost):
    """localhost: what the host says to itself, and before to who forges it."""
    return [
        *from_the_net(25), *proxied(12525, localhost),
        *submitted(587), *submitted(465, "wrap"),
        *submitted_by_proxy(10587, forged="554"),
        *submitted_by_proxy(10465, "wrap", forged="554"),
        *from_localhost(25, localhost),
        Path("Amavis gives back", 10025, client=LOCALHOST, server=LOCALHOST,
             recipient=OTHERS),
        *limited(12525, client=PROXY, says=CLIENT),
        Sendmail()]


DOCKER_MAILSERVER_15 = Kind(
    "docker-mailserver v15, with postgrey", _DMS_MAIN + """
mynetworks = 127.0.0.0/8 172.22.1.0/24
smtpd_recipient_restrictions = permit_sasl_authenticated, permit_mynetworks,
  reject_unauth_destination, check_policy_service inet:127.0.0.1:10023
""", _DMS_MASTER, _dms_paths("250"), (12525, 10587, 10465))

# Nobody is of its networks, not even itself.
DOCKER_MAILSERVER_EDGE = Kind(
    "docker-mailserver edge, PERMIT_DOCKER=none", _DMS_MAIN + """
mynetworks =
smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:10023,
  permit_sasl_authenticated, permit_mynetworks, reject_unauth_destination
postscreen_dnsbl_sites = dnsbl.test.example*3
""", _DMS_MASTER, _dms_paths("[45]5[04]"), (12525, 10587, 10465))


@pytest.mark.parametrize("kind", [DOCKER_MAILSERVER_15, DOCKER_MAILSERVER_EDGE],
                         ids=str)
def test_every_path(network, place, keep, kind):
    check(kind, place, keep)
