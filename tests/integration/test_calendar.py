"""Rates by the day: a new one begins at local midnight, on both stores."""
import datetime
import math
import os
import re
import time
import zoneinfo

import pytest

from harness.attributes import Policy
from harness.control import asked, tollgatectl
from harness.edict_site import EdictSite
from harness.policyd import Policyd
from harness.redis_sentinel import clock_environment
from harness.wait import PATIENT

DAY = 86400
HOUR_MS = 3600 * 1000


class Site(EdictSite):
    options = {"instance_name": "here", "time_zone": "Europe/Berlin",
               **PATIENT}
    sections = [("limit", "daily", {
        "at": "policy", "event": "recipient", "key": ["sasl_username"],
        "rate": "3/day"})]

    def at(self, *local):
        """A daemon whose clock can be set, and is set to this local time."""
        self.offset = self.place / "offset"
        self.set_clock(*local)
        environment = clock_environment(self.place, self.offset)
        # Sanitizers want to be loaded first.
        environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + \
            ":verify_asan_link_order=0"
        daemon = self.keep(Policyd(
            self.place / "one", [f"policy:unix:{self.place}/one.policy"],
            options=self.options, sections=self.sections,
            before=["env", *(f"{key}={value}"
                             for key, value in environment.items())]))
        daemon.policy = f"{self.place}/one.policy"
        return daemon

    def set_clock(self, *local):
        wanted = datetime.datetime(
            *local, tzinfo=zoneinfo.ZoneInfo(self.options["time_zone"]))
        new = self.place / "offset.new"
        new.write_text(str(math.ceil(wanted.timestamp() - time.time())))
        new.rename(self.offset)


@pytest.fixture
def site(place, keep, either_store):
    return Site(place, keep, either_store)


def sends(daemon, user="bob"):
    with Policy(daemon.policy) as smtpd:
        return smtpd.rcpt("198.51.100.7", sasl_username=user)


def counter(daemon, key="sasl:bob"):
    return asked(daemon, "show", key)["counters"][0]


# The last minutes of a day, and how long the next one is: the clock goes
# forward, back, and a month and a year end.
@pytest.mark.parametrize("day, hours", [
    ((2026, 3, 28), 23), ((2026, 10, 24), 25), ((2028, 2, 28), 24),
    ((2026, 12, 31), 24)])
def test_a_new_day_begins_at_midnight(site, day, hours):
    one = site.at(*day, 12, 0)
    assert [sends(one)[:3] for _ in range(4)] == ["DUN", "DUN", "DUN", "450"]
    # What is refused is not counted, and passes after midnight.
    site.set_clock(*day, 23, 30)
    assert sends(one).startswith("450")
    [first, last] = re.findall(r" window=(\S+) retry_after=(\d+)",
                               one.process.text())
    assert (first[0], last[0]) == ("day", "day")
    assert 11 * 3600 < int(first[1]) <= 12 * 3600 + 1
    assert 1200 < int(last[1]) <= 1801
    assert counter(one)["used"] == 3
    tomorrow = datetime.date(*day) + datetime.timedelta(days=1)
    site.set_clock(*tomorrow.timetuple()[:3], 0, 0)
    assert sends(one) == "DUNNO"
    found = counter(one)
    assert (found["used"], found["left"]) == (1, 2)
    assert (hours - 1) * HOUR_MS < found["resets_in_ms"] <= hours * HOUR_MS
    site.set_clock(*tomorrow.timetuple()[:3], 23, 0)
    assert [sends(one)[:3] for _ in range(3)] == ["DUN", "DUN", "450"]


def test_a_new_month(site):
    site.sections = [("limit", "monthly", {
        **site.sections[0][2], "rate": "2/month"})]
    one = site.at(2026, 2, 1, 0, 0)
    assert [sends(one)[:3] for _ in range(3)] == ["DUN", "DUN", "450"]
    site.set_clock(2026, 2, 28, 23, 0)
    assert sends(one).startswith("450")
    site.set_clock(2026, 3, 1, 0, 0)
    assert [sends(one)[:3] for _ in range(3)] == ["DUN", "DUN", "450"]
    assert counter(one)["resets_at"] == "2026-04-01 00:00 +0200"


def test_show_says_what_is_left(site):
    one = site.policyd("one", time_zone="Asia/Kathmandu")
    # Of what was not used yet, too.
    assert [counter(one)[name] for name in ("used", "left")] == [0, 3]
    assert sends(one) == "DUNNO"
    found = counter(one)
    left = found.pop("resets_in_ms")
    assert 0 < left <= DAY * 1000
    assert re.fullmatch(r"\d{4}-\d\d-\d\d 00:00 \+0545", found["resets_at"])
    assert {name: found[name] for name in (
        "used", "allowed", "left", "window", "per", "window_ms")} == {
            "used": 1, "allowed": 3, "left": 2, "window": "calendar",
            "per": "day", "window_ms": DAY * 1000}
    shown = tollgatectl("show", "sasl:bob", sockets=[one]).stdout
    assert re.search(r"^  daily: 2 left, begins anew at \S+ 00:00 \+0545, in ",
                     shown, re.MULTILINE), shown
    explained = tollgatectl("explain", "sasl=bob", "face=policy",
                            "event=recipient", sockets=[one]).stdout
    assert re.search(r"^limit daily +passed +1 of 3 in day", explained,
                     re.MULTILINE), explained


def test_overrides_and_reset(site):
    one = site.policyd("one")

    def override(rate):
        return tollgatectl("override", "set", "daily", "sasl:bob", rate,
                           sockets=[one])
    for rate in "5/1d", "5/month":
        assert "allowed: a number alone" in override(rate).stderr
    for rate, count in ("5/day", 5), ("4", 4):
        assert override(rate).returncode == 0
        assert [sends(one)[:3] for _ in range(count + 1)] == \
            ["DUN"] * count + ["450"]
        assert counter(one)["left"] == 0
        [listed] = asked(one, "overrides")["overrides"]
        assert (listed["allowed"], listed["window_ms"]) == (count, DAY * 1000)
        assert tollgatectl("reset", "sasl:bob", sockets=[one]).returncode == 0


def test_a_month_and_a_day_beside_a_span(place, keep, either_store):
    site = Site(place, keep, either_store)
    site.sections = [("limit", name, {
        "at": "policy", "event": "recipient", "key": ["sasl_username"],
        "rate": rate, **more}) for name, rate, more in (
            ("span", "9/1d", {}), ("day", "5/day", {}),
            ("week", "7/week", {}), ("month", "2/month", {}),
            ("sliding", "9/day", {"window": "sliding"}))]
    one = site.policyd("one")
    assert [sends(one)[:3] for _ in range(3)] == ["DUN", "DUN", "450"]
    assert {found["limit"]: (found["used"], found["window"])
            for found in asked(one, "show", "sasl:bob")["counters"]} == {
        "span": (2, "sliding"), "day": (2, "calendar"),
        "week": (2, "calendar"), "month": (2, "calendar"),
        "sliding": (2, "sliding")}
    shown = tollgatectl("config", "show", sockets=[one]).stdout
    assert 'rate = "2/month"' in shown and 'rate = "9/1d"' in shown
