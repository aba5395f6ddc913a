"""ETRN: a limit of what a client asks for that is no mail. smtpd asks where
smtpd_etrn_restrictions names the policy service."""
import pytest

from harness.policyd import Policyd
from harness.ports import free_port
from harness.postfix import Postfix
from harness.smtp import Smtp


@pytest.fixture
def postfix(place, keep, either_store):
    place.chmod(0o777)
    options = {"store": either_store.unix_url} if either_store else {}
    keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"], options=options,
        sections=[("limit", "etrn", {
            "event": "etrn", "key": ["client"], "rate": "2/1h"})]))
    asks = f"check_policy_service unix:{place}/policy"
    return keep(Postfix(place / "postfix", port=free_port(), main={
        "relay_domains": "relay.example", "smtpd_etrn_restrictions": asks,
        "smtpd_recipient_restrictions": asks})).start()


def test_the_third_is_refused(postfix, client):
    """Whatever the session; mail is none of its business."""
    told = []
    for _ in range(3):
        with Smtp(postfix.server, client) as session:
            session.hello().command("ETRN relay.example")
            told.append(session.text)
            assert session.send_message() == "250"
    assert [text[:3] for text in told] == ["250", "250", "450"]
    assert "Error: too many ETRN commands from 127." in told[2]
