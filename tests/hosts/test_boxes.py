"""Hosts that one package sets up: every path before doctor's commands and
after them."""
import pytest

from host import HEADER, Kind, MAIN, check
from network import CLIENT, PROXY
from paths import (Sendmail, from_localhost, from_the_net, limited, proxied,
                   submitted, submitted_by_proxy)

# Mail-in-a-Box: postgrey and the quota service come last; what users send has a
# cleanup of its own.
_BOX_SUBMISSION = """smtpd -o smtpd_sasl_auth_enable=yes
  -o cleanup_service_name=authclean -o smtpd_recipient_restrictions=
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject"""
MAIL_IN_A_BOX = Kind(
    "Mail-in-a-Box", MAIN + """
smtpd_sender_restrictions = reject_non_fqdn_sender, permit
smtpd_recipient_restrictions = permit_sasl_authenticated, permit_mynetworks,
  reject_unlisted_recipient, check_policy_service inet:127.0.0.1:10023,
  check_policy_service inet:127.0.0.1:12340
smtpd_discard_ehlo_keywords = chunking
smtpd_data_restrictions = reject_unauth_pipelining
""", f"""
smtp inet n - y - - smtpd
12525 inet n - y - - smtpd {HEADER}
submission inet n - - - - {_BOX_SUBMISSION} -o smtpd_tls_security_level=encrypt
465 inet n - - - - {_BOX_SUBMISSION} -o smtpd_tls_wrappermode=yes
10465 inet n - - - - {_BOX_SUBMISSION} {HEADER} -o smtpd_tls_wrappermode=yes
authclean unix n - - - 0 cleanup
127.0.0.1:10023 inet n n n - 0 spawn user=nobody argv=@place@/says-DUNNO
127.0.0.1:12340 inet n n n - 0 spawn user=nobody argv=@place@/says-DUNNO
""", [
        *from_the_net(25), *proxied(12525), *submitted(587),
        *submitted(465, "wrap"),
        *submitted_by_proxy(10465, "wrap", forged="554"),
        *limited(12525, client=PROXY, says=CLIENT),
        *from_localhost(25), Sendmail()],
    (12525, 10465))

# YunoHost: no compatibility_level, and "-" in master.cf is a chroot then.
YUNOHOST = Kind(
    "YunoHost", """
mynetworks = 127.0.0.0/8
smtpd_tls_security_level = may
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = yes
smtpd_helo_required = yes
smtpd_client_restrictions = permit_mynetworks, permit_sasl_authenticated,
  reject_unauth_pipelining
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated,
  reject_unauth_destination
smtpd_sender_restrictions = permit_mynetworks, permit_sasl_authenticated
smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated,
  reject_non_fqdn_recipient, reject_unauth_destination, permit
""", f"""
smtp inet n - - - - smtpd
12525 inet n - - - - smtpd {HEADER}
submission inet n - - - - smtpd -o smtpd_tls_security_level=encrypt
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
465 inet n - - - - smtpd -o smtpd_tls_wrappermode=yes
10587 inet n - - - - smtpd {HEADER} -o smtpd_tls_security_level=encrypt
""", [
        *from_the_net(25), *proxied(12525), *submitted(587),
        *submitted(465, "wrap"), *submitted_by_proxy(10587),
        *limited(12525, client=PROXY, says=CLIENT),
        *from_localhost(25), Sendmail()],
    (12525, 10587))


@pytest.mark.parametrize("kind", [MAIL_IN_A_BOX, YUNOHOST],
                         ids=str)
def test_every_path(network, place, keep, kind):
    check(kind, place, keep)
