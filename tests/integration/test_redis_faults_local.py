"""What each limit does while there is no Redis, and whose share is whose."""
import pytest

from harness.attributes import Policy
from harness.fleet import Fleet, passed
from harness.policyd import Policyd
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.wait import wait_until

LIMIT = 12


@pytest.mark.parametrize("mode, actions", [
    ("local", ["DUNNO", "DUNNO", "450"]),
    ("accept", ["DUNNO", "DUNNO", "DUNNO"]),
    ("defer", ["451", "451", "451"])])
def test_without_any_redis_each_limit_does_as_told(
        start, place, mode, actions):
    start(store=f"redis://127.0.0.1:{free_port()}", on_store_failure=mode,
          client_limits_at="policy", client_message_rate_limit=2)
    with Policy(place / "policy") as smtpd:
        said = [smtpd.rcpt("198.51.100.5") for _ in range(3)]
    assert [action.split(" ")[0] for action in said] == actions


def test_a_limit_may_have_a_mode_of_its_own(start, place, keep):
    def limit(name, mode, rate):
        return ("limit", name, {
            "at": "policy", "event": "message", "key": ["client"],
            "rate": rate, "on_store_failure": mode})
    redis = keep(RedisServer(place / "redis"))
    policyd = start(limit("few", "accept", "1/60s"),
                    limit("some", "local", "3/60s"),
                    store=redis.url, on_store_failure="defer")
    wait_until(policyd.has_store, 5, "Redis is there")
    redis.process.kill()
    wait_until(lambda: not policyd.has_store(), 5, "its loss is noticed")
    with Policy(place / "policy") as smtpd:
        assert passed(smtpd.rcpt("198.51.100.6") for _ in range(5)) == 3


def serving(daemon, face):
    name = f'tollgate_instances_serving{{face="{face}"}} '
    page = daemon.get("/metrics")[1]
    return int(page.split(name)[1].split("\n")[0])


def test_shares_are_of_those_who_feed_it_and_stay(place, keep, client):
    """Two that feed the limit, one of another face, and one that drains."""
    redis = keep(RedisServer(place / "redis"))
    options = {"store": redis.url, "lease_ttl": "2s", "drain_timeout": "30s",
               "rate_time_unit": "600s"}
    fleet = Fleet(place, keep, 3, client_limits_at="policy",
                  client_message_rate_limit=LIMIT, **options)
    place.chmod(0o777)
    other = keep(Policyd(place / "other", [f"anvil:unix:{place}/anvil"],
                         options=options))
    fleet.wait_store()
    here, there, leaving = fleet.daemons
    wait_until(lambda: serving(here, "policy") == 3, 5, "three are known")
    wait_until(lambda: serving(other, "anvil") == 4, 5, "four are known")
    assert serving(here, "milter") == 1

    session = fleet.anvil(2)
    session.event("connect", client)
    leaving.process.signal(15)
    for daemon in here, there:
        wait_until(lambda: serving(daemon, "policy") == 2, 5, "two stay")
    assert here.metric("tollgate_instances") == 4
    assert leaving.process.is_running()
    # What this one has let in is taken off its share.
    assert passed(fleet.policy(0).rcpt(client) for _ in range(2)) == 2
    redis.process.kill()
    for daemon in here, there, other:
        wait_until(lambda: not daemon.has_store(), 5, "its loss is noticed")
    assert passed(fleet.policy(0).rcpt(client) for _ in range(9)) == 4
    assert passed(fleet.policy(1).rcpt(client) for _ in range(9)) == 6
    # Reports: as if the other two had counted as much; but one is one.
    anvil = fleet.anvil(0)
    assert [anvil.event("message", client)["rate"]
            for _ in range(3)] == [1, 2 * 3, 3 * 3]
    session.close()
