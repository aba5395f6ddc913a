"""tollgatectl report: what came to each limit, of all daemons of a store."""
import csv
import io
import json
import time

import pytest

from harness.attributes import Policy
from harness.control import asked, tollgatectl
from harness.edict_site import EdictSite
from harness.redis_cluster import Cluster
from harness.redis_server import RedisServer
from harness.wait import PATIENT, wait_until

CLIENT = "198.51.100.7"


class Site(EdictSite):
    options = {"usage_report": True, **PATIENT}
    sections = [("limit", "per-login", {
        "at": "policy", "event": "recipient", "key": ["sasl_username"],
        "rate": "5/1d", "shadow": True}),
        ("limit", "per-client", {
            "at": "policy", "event": "recipient", "key": ["client"],
            "rate": "1000/1h"})]


@pytest.fixture(autouse=True)
def within_an_hour():
    """What is refused counts towards the use of its own hour."""
    while time.time() % 3600 > 3580:
        time.sleep(1)


@pytest.fixture
def site(place, keep, either_store):
    return Site(place, keep, either_store)


def send(daemon, user, count):
    with Policy(daemon.policy) as smtpd:
        for _ in range(count):
            assert smtpd.rcpt(CLIENT, sasl_username=user) == "DUNNO"


def limits(daemon):
    result = asked(daemon, "report")
    assert result["complete"] and result["kept"]
    return {limit["limit"]: limit for limit in result["limits"]}


def rows(limit):
    return {key["key"]: (key["came"], key["came_most"], key["refused"],
                         key["peak"], key["allowed"]) for key in limit["keys"]}


def test_exact_numbers(site):
    one = site.policyd("one")
    assert limits(one) == {}
    send(one, "eve@example.com", 12)
    send(one, "bob@example.com", 3)
    found = limits(one)
    login, client = found["per-login"], found["per-client"]
    # In shadow mode what is above the limit is seen, too.
    assert (login["came"], login["refused"], login["peak"]) == (15, 7, 12)
    assert rows(login) == {"sasl:eve@example.com": (12, 12, 7, 12, 5),
                           "sasl:bob@example.com": (3, 3, 0, 3, 5)}
    assert login["shadow"] and login["allowed"] == 5
    assert (login["p999"], login["suggested"]) == (12, 24)
    assert login["unlisted"] == 0 and login["key_hours"] >= 2
    assert (client["came"], client["refused"], client["peak"]) == (15, 0, 15)
    assert rows(client) == {f"client:{CLIENT}": (15, 15, 0, 15, 1000)}
    # What explain makes up has not come.
    asked(one, "explain", "face=policy", "event=recipient",
          f"client={CLIENT}", "sasl=joe@example.com")
    assert limits(one)["per-login"]["came"] == 15


def test_formats(site):
    one = site.policyd("one")
    send(one, 'a"b,c@example.com', 2)

    def report(*words):
        done = tollgatectl("report", *words, sockets=[one])
        assert done.returncode == 0, done.stderr
        return done.stdout

    table = report("--since", "2h")
    assert 'per-login (shadow)' in table and "suggested" in table
    told = list(csv.DictReader(io.StringIO(report("--format", "csv"))))
    assert [(row["limit"], row["key"], row["came"], row["peak"],
             row["allowed"], row["suggested"]) for row in told] == [
        ("per-client", "", "2", "2", "1000", "4"),
        ("per-client", f"client:{CLIENT}", "2", "2", "1000", ""),
        ("per-login", "", "2", "2", "5", "4"),
        ("per-login", 'sasl:a"b,c@example.com', "2", "2", "5", "")]
    assert json.loads(report("--format", "json")) == asked(one, "report")
    for words in (["--since", "8d"], ["--since"], ["--format", "xml"], ["x"]):
        assert tollgatectl("report", *words, sockets=[one]).returncode == 2


def test_nothing_is_kept_without_it(place, keep):
    one = Site(place, keep).policyd("one", usage_report=False)
    send(one, "bob@example.com", 3)
    result = asked(one, "report")
    assert not result["limits"] and not result["kept"]
    assert "usage_report = true" in tollgatectl("report", sockets=[one]).stdout
    one.write_config(usage_report=True)
    assert tollgatectl("reload", sockets=[one]).returncode == 0
    send(one, "bob@example.com", 1)
    assert limits(one)["per-login"]["came"] == 1


def two_daemons(site):
    one, two = site.policyd("one"), site.policyd("two")
    send(one, "eve@example.com", 3)
    send(two, "eve@example.com", 4)
    send(two, "bob@example.com", 1)
    # The other's numbers come within half a minute, its own at once.
    wait_until(lambda: limits(one)["per-login"]["came"] == 8, 60,
               "one knows what came to two")
    for daemon in one, two:
        wait_until(lambda d=daemon: limits(d)["per-login"]["came"] == 8, 60,
                   "both know")
        login = limits(daemon)["per-login"]
        assert login["refused"] == 2
        assert rows(login) == {"sasl:eve@example.com": (7, 7, 2, 7, 5),
                               "sasl:bob@example.com": (1, 1, 0, 1, 5)}
    # What a daemon has when it ends is not lost, nor what is there.
    send(two, "joe@example.com", 2)
    two.stop()
    assert limits(one)["per-login"]["came"] == 10
    three = site.policyd("three")
    assert limits(three)["per-login"]["came"] == 10


def test_two_daemons(place, keep):
    two_daemons(Site(place, keep, keep(RedisServer(place / "redis"))))


def test_a_cluster(place, keep):
    two_daemons(Site(place, keep, Cluster(place / "cluster", keep)))


def test_bounded_records(place, keep):
    """4096 bytes a limit, daemon and hour, and a life."""
    redis = keep(RedisServer(place / "redis"))
    one = Site(place, keep, redis).policyd("one")
    with Policy(one.policy) as smtpd:
        for i in range(3000):
            smtpd.rcpt(f"2001:db8:{i:x}::1",
                       sasl_username=f"{i:x}{'x' * 80}@example.com")
    found = limits(one)
    assert found["per-client"]["came"] == found["per-login"]["came"] == 3000
    assert found["per-client"]["key_hours"] == pytest.approx(3000, rel=.2)
    assert (found["per-client"]["p999"], found["per-client"]["peak"]) == (1, 1)
    texts = redis.cli("hvals", "tollgate:{control}r").split("\n\n")
    names = redis.cli("hkeys", "tollgate:{control}r").split()
    assert len(names) == 2 and max(len(text) for text in texts) <= 4096
    for key in "lr":
        left = int(redis.cli("pttl", f"tollgate:{{control}}{key}"))
        assert 7 * 86400_000 < left < 8 * 86400_000


def test_the_store_is_away(place, keep):
    redis = keep(RedisServer(place / "redis"))
    one = Site(place, keep, redis).policyd("one")
    send(one, "bob@example.com", 1)
    redis.close()
    done = tollgatectl("report", sockets=[one])
    assert done.returncode == 1 and "store is away" in done.stderr
