"""What Postfix's clients see while policyd is stopped, killed or away."""
import signal
import time

import pytest

from harness.redis_server import RedisServer
from harness.site import REPORTING, make_pods
from harness.smtp import Smtp, send_one
from harness.wait import slowness, wait_until


@pytest.fixture
def site(place, keep):
    """site(ways, when_down=, **options): pods in reporting mode on Redis."""
    def make(ways, when_down=None, **options):
        store = keep(RedisServer(place / "redis")).url
        return make_pods(place, keep, ways, main=REPORTING["main"],
                         options={"store": store, **options},
                         when_down=when_down)
    return make


@pytest.fixture
def sessions(keep):
    return lambda pod, client: keep(Smtp(pod.server, client))


@pytest.mark.parametrize("lease_ttl", [1, 30])
def test_connections_of_a_killed_policyd_are_gone_after_the_lease(
        site, client, sessions, lease_ttl):
    # 30s is the default, so it is not written down.
    options = {} if lease_ttl == 30 else {"lease_ttl": f"{lease_ttl}s"}
    doomed, other = site(["pass", "direct"], **options)
    opened = [sessions(doomed, client), sessions(doomed, client),
              sessions(other, client)]
    assert [s.greeting for s in opened] == ["220"] * 3
    assert send_one(other.server, client) == "421"

    doomed.policyd.kill()
    killed = time.monotonic()
    if lease_ttl > 1:
        assert send_one(other.server, client) == "421"

    def admitted():
        session = sessions(other, client)
        return session if session.greeting == "220" else session.close()
    wait_until(admitted, killed + lease_ttl + 2 - time.monotonic(),
               "the killed policyd's connections are gone")
    # Exactly those two are gone: the one of the other pod still counts. (A
    # session that was just refused counts until smtpd has said goodbye.)
    wait_until(admitted, 5, "both of them")
    assert sessions(other, client).greeting == "421"


def test_refuse_answers_421_at_once_and_counts_go_on(site, client):
    pod, = site(["pass"], when_down="refuse")
    with Smtp(pod.server, client) as session:
        session.hello()
        assert [session.send_message() for _ in range(3)] == ["250"] * 3
        session.quit()
    pod.policyd.stop()

    waits = []
    for _ in range(5):
        with Smtp(pod.server, client) as refused:
            assert refused.greeting == "421", refused.text
            waits.append(refused.greeted_after)
    # Postfix's own second of delay comes once at most: to an smtpd that has
    # not yet seen that its old connection is closed.
    assert sorted(waits)[3] < 0.8, waits
    assert sorted(waits)[2] < 0.3, waits

    pod.policyd.start()
    with Smtp(pod.server, client) as session:
        session.hello()
        assert [session.send_message() for _ in range(3)] == \
            ["250", "250", "450"]


def test_accept_lets_mail_flow_without_delay_and_counts_go_on(site, client):
    pod, = site(["pass"], when_down="accept")
    with Smtp(pod.server, client) as session:
        session.hello()
        assert [session.send_message() for _ in range(3)] == ["250"] * 3
        session.quit()
    pod.policyd.stop()
    # An smtpd that accepts before it has seen its old connection close pauses
    # for a second, once, whoever serves it next: the first session takes that.
    assert send_one(pod.server, client) == "250"

    started = time.monotonic()
    with Smtp(pod.server, client) as session:
        session.hello()
        assert [session.send_message() for _ in range(5)] == ["250"] * 5
        session.quit()
    assert time.monotonic() - started < 4 * slowness()  # 7 events: 7 s

    pod.policyd.start()
    with Smtp(pod.server, client) as session:
        session.hello()
        assert [session.send_message() for _ in range(3)] == \
            ["250", "250", "450"]


def test_a_session_begun_while_down_is_counted_when_policyd_is_back(
        site, client):
    pod, = site(["pass"], when_down="accept")
    pod.policyd.stop()
    with Smtp(pod.server, client) as session:
        session.hello()
        assert [session.send_message() for _ in range(6)] == ["250"] * 6
        pod.policyd.start()
        codes = [session.send_message() for _ in range(7)]
    assert codes == ["250"] * 5 + ["450"] * 2


@pytest.mark.parametrize("way", ["pass", "direct"])
def test_term_waits_for_open_sessions(site, client, way):
    pod, = site([way], drain_timeout="20s")
    with Smtp(pod.server, client) as session:
        session.hello()
        assert session.send_message() == "250"
        pod.policyd.process.signal(signal.SIGTERM)
        wait_until(lambda: pod.policyd.get("/readyz")[0] != 200, 5,
                   "policyd says that it is leaving")
        started = time.monotonic()
        codes = [session.send_message() for _ in range(5)]
        assert codes == ["250"] * 4 + ["450"]
        assert time.monotonic() - started < 4 * slowness()  # 5 events: 5 s
        session.quit()
    assert pod.policyd.process.wait_exit(5) == 0


def test_term_gives_up_at_drain_timeout(site, client, sessions):
    pod, = site(["pass"], drain_timeout="1s")
    assert sessions(pod, client).greeting == "220"
    started = time.monotonic()
    pod.policyd.stop()
    assert 0.9 < time.monotonic() - started < 10 * slowness()


def test_a_second_term_stops_at_once(site, client, sessions):
    pod, = site(["pass"], drain_timeout="60s")
    assert sessions(pod, client).greeting == "220"
    pod.policyd.process.signal(signal.SIGTERM)
    wait_until(lambda: pod.policyd.get("/readyz")[0] != 200, 5,
               "policyd says that it is leaving")
    pod.policyd.process.signal(signal.SIGTERM)
    assert pod.policyd.process.wait_exit(10) == 0
