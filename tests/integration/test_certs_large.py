"""A store of a thousand certificates: no decision waits for it."""
import json
import time

from harness.attributes import Policy
from harness.authority import Authority, acme_json
from harness.cert_site import NAME, Acme
from harness.policyd import Policyd
from harness.socketmap import asked

FOREIGN = 999
LONGEST_S = 0.03
# A busy machine holds up anybody, but makes the look longer as well. A look
# that holds up others does so each time, and for all the time that it takes.
ATTEMPTS = 5
SHARE = 0.25
GATHERED_S = 0.05


def is_held_up(policy, until):
    """Were decisions, or until itself, before that is true?"""
    longest, is_over, begun = 0, False, time.monotonic()
    while not is_over:
        for step in [lambda: policy.rcpt("198.51.100.7") != "DUNNO"] * 20 + \
                [until]:
            started = time.monotonic()
            is_over = step()
            longest = max(longest, time.monotonic() - started)
    took = time.monotonic() - begun - GATHERED_S
    return longest > LONGEST_S and longest > took * SHARE


def test_decisions_go_on_during_a_look(place, keep):
    authority, acme = Authority(place / "ca"), Acme(place / "acme")
    foreign = authority.issue("other.example", kind="rsa")
    head = [(f"d{number}.example", [], foreign) for number in range(FOREIGN)]

    def write(days):
        one = authority.issue(NAME, days=days)
        acme.write_text(json.dumps(acme_json(*head, (NAME, [], one))))
        return one.fingerprint

    first = write(80)
    sni, policy_socket = place / "sni", place / "policy"
    keep(Policyd(
        place / "policyd", [f"sni:unix:{sni}", f"policy:unix:{policy_socket}"],
        sections=[("certificate", NAME, {"source": acme.source})]))
    assert asked(sni, NAME) == [first]
    with Policy(policy_socket) as policy:
        assert policy.rcpt("198.51.100.7") == "DUNNO"
        for attempt in range(ATTEMPTS):
            new = write(81 + attempt)
            if not is_held_up(policy, lambda: asked(sni, NAME) == [new]):
                return
    raise AssertionError("each time decisions waited for the look")
