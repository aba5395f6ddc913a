"""Hosts of few parts: every path before doctor's commands and after them."""
import pytest

from host import HEADER, Kind, MAIN, check
from network import CLIENT, NEIGHBOUR, PROXY
from paths import (OTHERS, Path, Sendmail, from_localhost, from_the_net,
                   limited, proxied, submitted)

# boky/postfix: a relay for the containers of its networks, and for the senders
# that are allowed. Without a section all listeners are looked at.
_BOKY_MAIN = """
compatibility_level = 3.6
mynetworks = 127.0.0.0/8, 172.16.0.0/12
smtpd_relay_restrictions = permit
smtpd_recipient_restrictions = reject_non_fqdn_recipient,
  check_sender_access inline:{client.example=OK}, reject
"""
BOKY = Kind(
    "boky/postfix", _BOKY_MAIN, f"""
smtp inet n - n - - smtpd
587 inet n - n - - smtpd
12525 inet n - n - - smtpd {HEADER}
""", [
        *[Path(f"{port} by a container", port, client=NEIGHBOUR,
               recipient=OTHERS) for port in (25, 587)],
        *limited(587, client=NEIGHBOUR),
        Path("12525 by the proxy", 12525, client=PROXY, says=CLIENT,
             recipient=OTHERS),
        Path("12525 forged", 12525, "250", "421", says=CLIENT,
             recipient=OTHERS),
        *from_localhost(25), Sendmail()],
    (12525,), (25, 587))
BOKY_ALONE = Kind(
    "boky/postfix without a proxy", _BOKY_MAIN, """
587 inet n - n - - smtpd
smtp inet n - n - - smtpd
""", [*[Path(f"{port} by a container", port, client=NEIGHBOUR,
             recipient=OTHERS) for port in (25, 587)],
      *limited(587, client=NEIGHBOUR), *limited(25, client=NEIGHBOUR),
      *from_localhost(25), Sendmail()])

# Debian as it is installed: chrooted.
DEBIAN = Kind(
    "Debian", MAIN, f"""
smtp inet n - y - - smtpd
12525 inet n - y - - smtpd {HEADER}
""", [*from_the_net(25), *proxied(12525), *from_localhost(25),
      *limited(12525, client=PROXY, says=CLIENT), Sendmail()], (12525,))
DEBIAN_ALONE = Kind(
    "Debian without a proxy", MAIN, """
smtp inet n - y - - smtpd
submission inet n - y - - smtpd -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=yes
  -o smtpd_recipient_restrictions=
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
""", [*from_the_net(25), *submitted(587), *from_localhost(25), *limited(25),
      *limited(587, tls="start", login="bob"), Sendmail()])


@pytest.mark.parametrize("kind", [BOKY, BOKY_ALONE, DEBIAN, DEBIAN_ALONE],
                         ids=str)
def test_every_path(network, place, keep, kind):
    check(kind, place, keep)
