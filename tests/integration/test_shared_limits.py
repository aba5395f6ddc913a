"""Stock Postfix enforces its own limits on counters that its pods share: 3
connections at once, 5 messages in a time, exactly, whichever pod is asked.

"stock" is Postfix's own anvil: the same test must hold there for one pod, or
it would be testing something else.
"""
import functools
import re

import pytest

from harness.redis_server import RedisServer
from harness.site import DECIDING, REPORTING, make_pods
from harness.smtp import Smtp
from harness.wait import wait_until

SITES = {
    "stock": (["stock"], REPORTING),
    "memory-pass-reporting": (["pass"], REPORTING),
    "memory-direct-reporting": (["direct"], REPORTING),
    "memory-pass-deciding": (["pass"], DECIDING),
    "redis-reporting": (["pass", "direct"], REPORTING),
    "redis-deciding": (["pass", "direct"], DECIDING),
}


@pytest.fixture(scope="module")
def site(places, keeps):
    """site(name): its pods, started when a test first asks for them."""
    @functools.cache
    def make(name):
        ways, mode = SITES[name]
        directory = places / name
        directory.mkdir()
        directory.chmod(0o755)
        options = dict(mode["options"])
        if name.startswith("redis"):
            options["store"] = keeps(RedisServer(directory / "redis")).url
        # Debian's default is a chrooted smtpd, upstream's is not.
        return make_pods(directory, keeps, ways, main=mode["main"],
                         options=options, chroot=name.startswith("redis"))
    return make


@pytest.fixture(params=SITES)
def pods(request, site):
    return site(request.param)


@pytest.fixture
def sessions(keep):
    """sessions(pod, client): a session that is closed after the test."""
    return lambda pod, client: keep(Smtp(pod.server, client))


def send(pod, client, count):
    """The codes of count messages sent in one session."""
    with Smtp(pod.server, client) as session:
        session.hello()
        codes = [session.send_message() for _ in range(count)]
        session.quit()
    return codes


def wait_admitted(open_session, timeout=5):
    """smtpd reports a disconnect after its client has seen it."""
    def admitted():
        session = open_session()
        return session if session.greeting == "220" else session.close()
    return wait_until(admitted, timeout, "a place is free again")


# Indexes of pods; taken modulo their number.
@pytest.mark.parametrize("order", ["0000", "1111", "0101", "0011", "1110"])
def test_the_fourth_connection_gets_421(pods, client, sessions, order):
    opened = [sessions(pods[int(i) % len(pods)], client) for i in order]
    assert [s.greeting for s in opened] == ["220", "220", "220", "421"]
    assert opened[3].text.startswith("421 4.7.0 "), opened[3].text
    assert opened[3].text.endswith(
        f"Error: too many connections from {client}")


def test_a_place_is_free_after_disconnect(pods, client, sessions):
    first, last = pods[0], pods[-1]
    opened = [sessions(first, client) for _ in range(3)]
    refused = sessions(last, client)
    assert refused.greeting == "421"
    refused.close()
    opened[0].quit()
    wait_admitted(lambda: sessions(last, client))
    assert sessions(first, client).greeting == "421"


def test_a_lost_client_frees_its_place(pods, client, sessions):
    opened = [sessions(pods[0], client) for _ in range(3)]
    for session in opened:
        session.close()
    again = [wait_admitted(lambda: sessions(pods[-1], client))
             for _ in range(3)]
    assert [s.greeting for s in again] == ["220"] * 3


def test_other_clients_have_their_own_places(pods, client, sessions):
    other = client.replace("127.0.", "127.1.")
    opened = [sessions(pods[0], client) for _ in range(4)]
    assert [s.greeting for s in opened] == ["220", "220", "220", "421"]
    opened = [sessions(pods[-1], other) for _ in range(4)]
    assert [s.greeting for s in opened] == ["220", "220", "220", "421"]


def test_the_sixth_message_gets_450(pods, client):
    codes = send(pods[0], client, 2) + send(pods[-1], client, 2) + \
        send(pods[0], client, 3)
    assert codes == ["250"] * 5 + ["450"] * 2
    with Smtp(pods[-1].server, client) as session:
        session.hello()
        assert session.mail() == "450"
        assert session.text == \
            f"450 4.7.1 Error: too much mail from {client}"


def test_open_sessions_share_the_rate(pods, client, sessions):
    opened = [sessions(pods[i % len(pods)], client).hello() for i in range(3)]
    codes = [opened[i % 3].send_message() for i in range(7)]
    assert codes == ["250"] * 5 + ["450"] * 2


def upgrade(postfix):
    """As an administrator and some packages do; of an entry that postconf has
    folded, as it does with each that it writes."""
    if postfix.postconf("-M", "anvil/unix"):
        postfix.postconf("-F", "anvil/unix/wakeup=-")
    postfix.run("upgrade-configuration")
    assert len(re.findall("^anvil ", postfix.master_cf(), re.M)) == 1
    postfix.reload()


# Postfix's own anvil forgets at a restart.
@pytest.mark.parametrize("pods", list(SITES)[1:], indirect=True)
def test_service_work_on_postfix_changes_nothing(pods, client):
    assert send(pods[0], client, 1) == ["250"]
    for pod in pods:
        pod.postfix.reload()
    assert send(pods[-1], client, 1) == ["250"]
    for pod in pods:
        pod.postfix.restart()
    assert send(pods[0], client, 1) == ["250"]
    for pod in pods:
        upgrade(pod.postfix)
    assert send(pods[-1], client, 3) == ["250", "250", "450"]
    assert send(pods[0], client, 1) == ["450"]


@pytest.mark.parametrize("pods", ["redis-reporting", "redis-deciding"],
                         indirect=True)
def test_held_connections_outlive_service_work_elsewhere(
        pods, client, sessions):
    held = [sessions(pods[-1], client) for _ in range(3)]
    assert [s.greeting for s in held] == ["220"] * 3
    pods[0].postfix.restart()
    pods[-1].postfix.reload()
    for pod in pods:
        pod.postfix.run("upgrade-configuration")
        pod.postfix.reload()
    for pod in pods:
        with Smtp(pod.server, client) as refused:
            assert refused.greeting == "421"
    assert held[0].hello().send_message() == "250"
