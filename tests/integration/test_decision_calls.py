"""How often Redis is asked about a decision that has everything: totals,
calendars, different values, bans and holds by limits, notices and warnings."""
import re

from harness.attributes import Policy
from harness.control import tollgatectl
from harness.edict_site import EdictSite, fixtures_of
from harness.wait import PATIENT, wait_until

LOGIN, DECISIONS = "bob@client.example", 300
LATER = {"ban": "1h"}


def limit(name, event, rate, **more):
    return ("limit", name, {"at": "policy", "event": event,
                            "key": ["sasl_username"], "rate": rate, **more})


class Site(EdictSite):
    options = PATIENT
    sections = [
        limit("day", "recipient", "100000/day", notify_at="80%",
              on_refusal=LATER, notify=["/bin/true"]),
        limit("hour", "recipient", "100000/1h",
              escalate={"after": 3, "within": "1d", "ban": "1d"}),
        limit("total", "recipient", "100000/1h", window="fixed"),
        limit("networks", "networks/24/48", "50/1h", on_refusal=LATER),
        limit("people", "distinct_recipients", "1000/1h"),
        limit("held", "message", "100000/1h", on_refusal=["hold"])]


_, shared = fixtures_of(Site)


def calls(redis):
    """Commands that clients have sent, but for those of this question; what a
    script does is not counted by itself here."""
    return sum(int(count) for name, count in re.findall(
        r"cmdstat_(\w+):calls=(\d+)", redis.cli("INFO", "commandstats"))
               if name in ("evalsha", "eval", "fcall"))


def test_two_calls_at_most(shared):
    one = shared.policyd("one")
    assert tollgatectl("override", "set", "total", "sasl:@client.example",
                       "90000/1h", "--total", sockets=[one]).returncode == 0

    def ask(client="198.51.100.7", to="user"):
        return smtpd.rcpt(client, sasl_username=LOGIN,
                          recipient=f"{to}@test.example")
    with Policy(one.policy) as smtpd:
        wait_until(lambda: ask() == "DUNNO", 10, "it answers")
        before = calls(shared.redis)
        for n in range(DECISIONS):
            assert ask(f"198.51.{n % 40}.1", f"user{n}") == "DUNNO"
        # Bans are looked for and places renewed beside it, by the clock.
        asked = calls(shared.redis) - before
        assert DECISIONS <= asked <= 2 * DECISIONS
    assert one.metric("tollgate_store_available") == 1
