"""Limits for some senders, logins and recipients only."""
import re

import pytest

from harness.attributes import Policy
from harness.control import asked, tollgatectl
from harness.edict_site import EdictSite
from harness.milter_client import MilterClient
from harness.policyd import Milter
from harness.wait import PATIENT


def limit(title, key, **names):
    return ("limit", title, {"at": "policy", "event": "recipient",
                             "key": [key], "rate": "1/1d", **names})


class Site(EdictSite):
    options = {"instance_name": "here", "recipient_delimiter": "+", **PATIENT}
    sections = [
        limit("shop", "sender_domain", senders=["@Shop.example"]),
        limit("trial", "sasl_username", logins=["eve", "@trial.example"]),
        limit("lists", "client", senders=["bob@example.com"],
              recipients=["list@example.org", "@lists.example"])]

    def milter(self):
        limits = [(kind, title, {**settings, "at": "milter"})
                  for kind, title, settings in self.sections]
        return self.keep(Milter(self.place / "milter", options=self.options,
                                sections=limits))


@pytest.fixture
def site(place, keep, either_store):
    return Site(place, keep, either_store)


def passes(daemon, client="198.51.100.7", **attributes):
    with Policy(daemon.policy) as smtpd:
        return smtpd.rcpt(client, **attributes) == "DUNNO"


def twice(daemon, **attributes):
    return [passes(daemon, **attributes) for _ in range(2)]


def test_policy_counts_whom_a_limit_names(site):
    one = site.policyd("one")
    assert twice(one, sender="a@shop.example") == [True, False]
    assert not passes(one, sender="\"other\"@SHOP.example.")
    assert twice(one, sender="a@sub.shop.example") == [True, True]
    assert twice(one, sasl_username="Eve") == [True, False]
    assert twice(one, sasl_username="any@trial.example") == [True, False]
    assert twice(one, sasl_username="bob@example.com") == [True, True]
    # Both lists must name the mail.
    to_list = {"sender": "bob+x@example.com", "recipient": "list@example.org"}
    assert passes(one, **to_list)
    assert passes(one, **{**to_list, "recipient": "b@example.org"})
    assert passes(one, **{**to_list, "sender": "eve@example.com"})
    assert not passes(one, sender="bob@example.com",
                      recipient="other@lists.example")


def test_the_milter_does(site):
    session = MilterClient(site.milter().socket)
    assert session.connect("198.51.100.7") == "c"

    def answers(sender, **values):
        try:
            assert session.mail(sender, **values) == "c"
            return [session.rcpt(f"{name}@example.net")[:4] for name in "xy"]
        finally:
            session.abort()
    assert answers("a@shop.example") == ["c", "y450"]
    assert answers("a@other.example") == ["c", "c"]
    assert answers("b@example.com", auth_authen="eve") == ["c", "y450"]
    assert answers("b@example.com", auth_authen="bob") == ["c", "c"]
    session.close()


def test_commands_know_whom_it_is_for(site):
    one = site.policyd("one")
    passes(one, sasl_username="eve")
    explained = tollgatectl("explain", "client=198.51.100.9", "sasl=bob",
                            "face=policy", "event=recipient",
                            sockets=[one]).stdout
    assert re.search(r"^limit trial +skipped", explained, re.MULTILINE)
    refused = tollgatectl("override", "set", "trial", "sasl:bob", "5",
                          sockets=[one])
    assert refused.returncode > 0
    assert "the limit is not for this name" in refused.stderr
    done = tollgatectl("override", "set", "trial", "sasl:eve", "2",
                       sockets=[one])
    assert done.returncode == 0, done.stderr
    assert twice(one, sasl_username="eve") == [True, False]
    [counter] = asked(one, "show", "sasl:eve")["counters"]
    assert (counter["limit"], counter["used"], counter["allowed"]) == \
        ("trial", 2, 2)


def test_a_reload_takes_other_names(site):
    one = site.policyd("one")
    assert twice(one, sasl_username="bob") == [True, True]
    text = one.config.read_text()
    assert '"eve"' in text
    one.config.write_text(text.replace('"eve"', '"bob"'))
    checked = asked(one, "config", "check")
    assert checked["gained"] == ['limit "trial": logins bob']
    assert checked["lost"] == ['limit "trial": logins eve']
    assert tollgatectl("reload", sockets=[one]).returncode == 0
    assert twice(one, sasl_username="bob") == [True, False]
    assert twice(one, sasl_username="eve") == [True, True]
