"""Redis has no room: it is said before, mail goes on, bans stay, and what Redis
has lost of them is written again."""
import pytest

from harness.attributes import Policy
from harness.control import asked, tollgatectl
from harness.policyd import Policyd
from harness.redis_server import RedisServer
from harness.wait import PATIENT, wait_until

BANNED = "421 4.7.1 Error: client host rejected: access denied"
FILL = """
local text = string.rep('x', 200)
for i = 1, ARGV[1] do redis.call('SET', 'tollgate:fill' .. i, text) end
"""


@pytest.fixture
def redis(place, keep):
    return keep(RedisServer(place / "redis", "--maxmemory", "3mb",
                            "--maxmemory-policy", "noeviction"))


def policyd(place, keep, redis, name):
    place.chmod(0o777)
    daemon = keep(Policyd(
        place / name, [f"policy:unix:{place}/{name}.policy"],
        options={"store": redis.url, "client_limits_at": "policy",
                 "client_message_rate_limit": 4, "rate_time_unit": "600s",
                 "lease_ttl": "2s", **PATIENT}))
    daemon.policy = f"{place}/{name}.policy"
    return daemon


def action(daemon, client):
    with Policy(daemon.policy) as smtpd:
        return smtpd.rcpt(client)


def memory(daemon):
    return asked(daemon, "status")["store"]["memory"]


def fill(redis):
    """Until it takes nothing more."""
    for _ in range(100):
        if "OOM" in redis.cli("EVAL", FILL, 0, 100000):
            return
    raise AssertionError("it is never full")


def test_a_full_server_costs_no_ban_and_no_mail(place, keep, redis):
    one = policyd(place, keep, redis, "one")
    wait_until(lambda: memory(one) is not None, 10, "it was asked")
    assert memory(one)["max"] == 3 << 20
    assert memory(one)["policy"] == "noeviction"
    assert tollgatectl("ban", "192.0.2.9", sockets=[one]).returncode == 0
    fill(redis)
    wait_until(lambda: "full" in memory(one)["warning"] or not
               asked(one, "status")["store"]["available"], 20, "it is noticed")
    one.process.wait_output("OOM")
    # Each daemon counts alone.
    assert [action(one, "192.0.2.1") for _ in range(4)] == ["DUNNO"] * 4
    assert action(one, "192.0.2.1") != "DUNNO"
    assert action(one, "192.0.2.9") == BANNED


@pytest.mark.parametrize("loss", ["flushall", "restart"])
def test_bans_outlive_the_loss_of_all(place, keep, redis, loss):
    one, two = (policyd(place, keep, redis, name) for name in ("one", "two"))
    assert tollgatectl("ban", "192.0.2.9", sockets=[one]).returncode == 0
    assert tollgatectl("ban", "192.0.2.8", sockets=[one]).returncode == 0
    wait_until(lambda: action(two, "192.0.2.8") == BANNED, 5, "two has heard")
    assert tollgatectl("unban", "192.0.2.8", sockets=[one]).returncode == 0
    if loss == "flushall":
        redis.cli("FLUSHALL")
    else:
        redis.process.kill()
        redis.start()
    wait_until(lambda: "b192.0.2.9/32" in redis.cli(
        "HKEYS", "tollgate:{control}t"), 10, "it is written again")
    three = policyd(place, keep, redis, "three")
    wait_until(lambda: action(three, "192.0.2.9") == BANNED, 5, "three knows")
    for daemon in one, two, three:
        assert action(daemon, "192.0.2.9") == BANNED
        wait_until(lambda it=daemon: action(it, "192.0.2.8") == "DUNNO", 20,
                   "what was lifted stays lifted")
        bans = asked(daemon, "bans")["bans"]
        assert [ban["key"] for ban in bans] == ["192.0.2.9/32"]
    one.process.wait_output("had lost bans and overrides")


@pytest.mark.parametrize("kind", ["redis", "memory"])
def test_a_client_cannot_invent_counters_without_end(
        place, keep, redis, kind):
    place.chmod(0o777)
    one = keep(Policyd(
        place / "one", [f"policy:unix:{place}/one.policy"],
        options={"store": redis.url if kind == "redis" else "memory:",
                 "new_keys_per_client": 5, **PATIENT},
        sections=[("limit", "from", {
            "at": "policy", "event": "recipient", "key": ["sender"],
            "rate": "3/1h"})]))
    if kind == "redis":
        wait_until(lambda: asked(one, "status")["store"]["available"], 5,
                   "the store is there")

    def send(client, sender):
        with Policy(f"{place}/one.policy") as smtpd:
            return smtpd.rcpt(client, sender=sender) == "DUNNO"

    def names():
        return len(redis.cli("KEYS", "tollgate:{f=*").split())
    assert all(send("192.0.2.1", f"s{i}@example.com") for i in range(5))
    # All others together have what one of them has.
    assert [send("192.0.2.1", f"t{i}@example.com") for i in range(40)] == \
        [True] * 3 + [False] * 37
    # Those that were there before are as they were, and so is everyone else.
    assert [send("192.0.2.1", "s0@example.com") for _ in range(3)] == \
        [True, True, False]
    assert send("192.0.2.2", "t9@example.com")
    assert "tollgate_shared_name_decisions_total 40" in \
        one.get("/metrics")[1]
    one.process.wait_output("what is new is counted together")
    assert one.process.text().count("counted together") == 1
    if kind == "redis":
        assert names() == 6
        assert len(redis.cli("KEYS", "tollgate:{o=192.0.2.1}*").split()) == 1
