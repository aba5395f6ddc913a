"""Limits for some senders, logins and recipients only."""
import re

import pytest

from harness.attributes import Policy
from harness.control import asked, tollgatectl
from harness.edict_site import EdictSite
from harness.milter_client import MilterClient
from harness.policyd import Milter, Policyd
from harness.wait import PATIENT, wait_until


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


class Listed(Site):
    """Its logins are in a file."""

    def __init__(self, place, keep, redis=None):
        super().__init__(place, keep, redis)
        self.file = place / "trial"
        self.sections = [limit("trial", "sasl_username",
                               logins=["joe", f"file:{self.file}"])]

    def write(self, text):
        """As editors and configuration tools do it."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.rename(self.file)


@pytest.fixture
def listed(place, keep):
    return Listed(place, keep)


def says(daemon, pattern):
    wait_until(lambda: re.search(pattern, daemon.process.text()), 5, pattern)


def test_names_in_a_file(listed):
    listed.write("# on trial\neve\n\n@trial.example # all of them\n")
    one = listed.policyd("one")
    for user in "Eve", "any@trial.example", "joe":
        assert twice(one, sasl_username=user) == [True, False]
    assert twice(one, sasl_username="bob") == [True, True]
    listed.write("bob\n")
    says(one, r"file:\S*/trial has 1 names now")
    assert not passes(one, sasl_username="bob") or not passes(
        one, sasl_username="bob")
    assert twice(one, sasl_username="new@trial.example") == [True, True]
    # A bad line changes nothing, and is named.
    listed.write("al\nbob\n*@example.com\n")
    says(one, r"/trial:3: .*no patterns; the last good list stays, 1 names")
    assert twice(one, sasl_username="al") == [True, True]
    assert not passes(one, sasl_username="bob")
    listed.file.unlink()
    listed.write("al\n")
    says(one, r"(?s)last good.*file:\S*/trial has 1 names now")
    assert twice(one, sasl_username="al") == [True, False]
    # Emptied: for nobody, and not for all.
    listed.write("")
    says(one, r"is empty: a limit for its names is for nobody")
    assert twice(one, sasl_username="al") == [True, True]
    assert not passes(one, sasl_username="joe")


def test_a_bad_file_at_start_and_at_a_reload(listed):
    listed.write("eve\nx@\n")
    bad = listed.keep(Policyd(
        listed.place / "bad", [f"policy:unix:{listed.place}/bad.policy"],
        sections=listed.sections, wait=False))
    bad.process.wait_output(rf"logins: {listed.file}:2: ")
    listed.write("eve\n")
    one = listed.policyd("one")
    assert not all(twice(one, sasl_username="eve"))
    listed.write("eve\nx@\n")
    done = tollgatectl("reload", sockets=[one])
    assert done.returncode == 1 and f"{listed.file}:2: " in done.stderr
    assert not passes(one, sasl_username="eve")
    # One that is too large is none.
    listed.write("".join(f"user{i:09}\n" for i in range(80000)))
    says(one, "larger than 1048576 bytes; the last good list stays")
