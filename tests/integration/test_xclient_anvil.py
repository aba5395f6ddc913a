"""Clients whom a front names by XCLIENT: the policy face and the milter count
each; what anvil is told is Postfix's choice, and doctor says so."""
import shutil
import subprocess

import pytest

from harness.policyd import ANVIL_PASS, Milter, Policyd
from harness.ports import free_port
from harness.postfix import Postfix, pass_through
from harness.smtp import Smtp
from harness.wait import PATIENT

FRONT, ALICE, BOB = "127.0.0.3", "198.51.100.1", "198.51.100.2"


def names_the_front():
    """At anvil; so does each Postfix that knows the length of prefixes."""
    return "smtpd_client_ipv4_prefix_length" in subprocess.run(
        ["postconf", "-d"], check=True, capture_output=True, text=True).stdout


def make(place, keep, face):
    """Three messages a minute from each client, counted there."""
    place.chmod(0o755)
    helper = shutil.copy(ANVIL_PASS, place)
    options = {**PATIENT, "client_limits_at": face,
               "client_message_rate_limit": 3}
    keep(Policyd(
        place / "policyd", [f"anvil-pass:unix:{place}/anvil",
                            f"policy:unix:{place}/policy"], options=options))
    asked = f"check_policy_service unix:{place}/policy"
    main = {"smtpd_recipient_restrictions": asked,
            "smtpd_end_of_data_restrictions": asked,
            "smtpd_client_message_rate_limit": 1000,
            "smtpd_authorized_xclient_hosts": FRONT}
    if face == "milter":
        main |= keep(Milter(place / "milter", options=options)).main_cf(
            milter_macro_daemon_name="smtp")
    postfix = keep(Postfix(place / "postfix", port=free_port(), main=main,
                           anvil=pass_through(helper, place / "anvil")))
    postfix.start()
    return postfix


def send(postfix, client, count):
    """The codes of so many messages in one session of the front's."""
    with Smtp(postfix.server, FRONT) as session:
        session.hello()
        assert session.command(f"XCLIENT ADDR={client}") == "220", session.text
        session.command("EHLO client.example")
        codes = [session.send_message() for _ in range(count)]
        session.quit()
    return codes


@pytest.mark.parametrize("face", ["anvil", "policy", "milter"])
def test_clients_of_a_front(place, keep, face):
    postfix = make(place, keep, face)
    own = ["250"] * 3 + ["450"]
    assert send(postfix, ALICE, 4) == own
    assert send(postfix, BOB, 4) == (
        ["450"] * 4 if face == "anvil" and names_the_front() else own)
