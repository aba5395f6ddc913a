"""What a gate bounds: the time of a header, connections, sessions that wait for
an smtpd; and what it does where there is none, or ends itself."""
import re

import pytest

from harness.control import asked
from harness.gate_site import (PROXY, STRANGER, GateSite, GateSmtp, SlowSmtp,
                               v1)
from harness.wait import wait_until

BUSY = "421 4.3.2 Error: no mail server is free, try again later"


@pytest.fixture(scope="module")
def site(places, keeps):
    """Each pass service has one smtpd."""
    return GateSite(places, keeps, limit=1, there=["late-gate"], service={
        "max_sessions_in_hand": 1}, policyd={"gate_connections": 4}, others={
            "slow-gate": {"header_timeout": "300ms"},
            "late-gate": {"pass_timeout": "200ms"},
            "lost-gate": {}, "wrapped-gate": {"tls_wrapper": True}})


def in_hand(site):
    return site.policyd.metric("tollgate_gate_connections")


@pytest.fixture(autouse=True)
def nobody_is_left(site):
    yield
    wait_until(lambda: in_hand(site) == 0, 20, "all are over")


def test_a_slow_header_has_one_deadline(site):
    """However steadily it drips."""
    reply = b""
    with site.connect(gate="slow-gate") as connection:
        for byte in v1(port=40000):
            connection.settimeout(0.02)
            try:
                reply = connection.recv(100)
                break
            except TimeoutError:
                connection.sendall(bytes([byte]))
    assert reply == b"421 4.7.0 Error: no valid PROXY header\r\n"
    assert 'reason=header fault="not whole within header_timeout"' in \
        site.policyd.process.text()


def test_a_client_has_its_share_of_smtpds(site):
    """One of its sessions may wait; other clients' do, too."""
    with GateSmtp(site, v1("198.51.100.1")) as first, \
            SlowSmtp(site, v1("198.51.100.1")) as second:
        assert first.greeting == "220", first.text
        wait_until(lambda: in_hand(site) == 1, 10, "the second waits")
        with GateSmtp(site, v1("198.51.100.1")) as third:
            assert third.text == "421 4.7.0 Error: too many connections"
        with SlowSmtp(site, v1("198.51.100.2")) as other:
            wait_until(lambda: in_hand(site) == 2, 10, "another waits too")
            first.quit()
            assert second.wait() == "220", second.text
            second.quit()
            assert other.wait() == "220", other.text
            other.quit()


def greeted(site, client):
    """A session at the late gate, once an smtpd has taken it in time."""
    sessions = []

    def is_greeted():
        session = GateSmtp(site, v1(client), gate="late-gate")
        sessions.append(session)
        if session.greeting != "220":
            session.close()
        return session.greeting == "220"
    wait_until(is_greeted, 20, "an smtpd was free")
    return sessions[-1]


def test_no_smtpd_is_free(site):
    """The client that was given up is not greeted later, the next one is."""
    with greeted(site, "198.51.100.1") as first:
        late = site.ends("late")
        with GateSmtp(site, v1("198.51.100.2"), gate="late-gate") as second:
            assert second.text == BUSY
            assert second.read_reply() == ""
        assert site.ends("late") == late + 1
        assert "service section-late-gate: no smtpd took a client" in \
            site.policyd.process.text()
        first.quit()
    greeted(site, "198.51.100.3").quit()


def test_no_pass_service(site):
    before = site.ends("away")
    with GateSmtp(site, v1(), gate="lost-gate") as session:
        assert session.text == BUSY
    assert site.ends("away") == before + 1
    text = site.policyd.process.text()
    assert re.search(r"warn: gate of service section-lost-gate: "
                     r"/.*/public/lost-gate: No such file or directory; "
                     r"master.cf needs: lost-gate pass n - n - - smtpd", text)
    status, body = site.policyd.get("/readyz")
    assert status == 503 and "lost-gate: No such file" in body
    with GateSmtp(site, v1("198.51.100.9")) as session:  # it reaches smtpd
        assert session.greeting == "220", session.text
        session.quit()
    wait_until(site.policyd.is_ready, 10, "the trouble is over")


def test_the_oldest_silent_one_gives_way(site):
    silent = [site.connect() for _ in range(4)]
    wait_until(lambda: in_hand(site) == 4, 10, "all are there")
    crowded = site.ends("crowded")
    with GateSmtp(site, v1("198.51.100.4")) as session:
        assert session.greeting == "220", session.text
        session.quit()
    assert silent[0].recv(10) == b""
    assert site.ends("crowded") == crowded + 1
    silent[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        silent[1].recv(10)
    for connection in silent:
        connection.close()


def test_those_who_are_refused_take_no_room(site):
    """Though they do not leave, and a gate gives them a second for it."""
    refused, crowded = site.ends("refused"), site.ends("crowded")
    strangers = [site.connect(STRANGER) for _ in range(12)]
    for connection in strangers[-4:]:
        assert connection.recv(100).startswith(b"421 ")
    with GateSmtp(site, v1("198.51.100.4")) as session:
        assert session.greeting == "220", session.text
        session.quit()
    assert site.ends("refused") - refused >= 8
    assert site.ends("crowded") == crowded
    for connection in strangers:
        connection.close()


def test_who_came_is_known(site):
    """Of both kinds, without a proof by the kernel."""
    GateSmtp(site, v1("198.51.100.5")).close()
    GateSmtp(site, v1("198.51.100.5"), source=STRANGER).close()
    peers = asked(site.policyd, "peers")
    assert peers["known"] is True
    assert (PROXY, "12525") in [
        (it["address"], it["service"]) for it in peers["proxies"]]
    assert (STRANGER, "12525") in [
        (it["address"], it["service"]) for it in peers["untrusted"]]


@pytest.mark.parametrize("source", [PROXY, STRANGER])
def test_no_line_before_a_handshake(site, source):
    """Refused, whoever comes: not a byte in the clear."""
    with site.connect(source, "wrapped-gate") as connection:
        connection.sendall(b"nonsense\r\n")
        try:
            assert connection.recv(100) == b""
        except ConnectionResetError:
            pass


def refused_at_the_gate(site, client):
    """Without an smtpd; the limit's name."""
    mark, said = site.mark(), site.policyd.process.text()
    with GateSmtp(site, v1(client)) as session:
        assert session.text.startswith("421 4.7.0 "), session.text
    assert site.wakes(mark) == 0
    return re.search(rf"decision face=gate service=12525 event=\w+ "
                     rf"client={client} peer={PROXY} port={site.port} "
                     rf"limit=(\w+) .*verdict=refuse reason=limit$",
                     site.policyd.process.text()[len(said):],
                     re.MULTILINE)[1]


def test_limits_refuse_before_an_smtpd(place, keep):
    """What the anvil face has counted; a look counts nothing."""
    site = GateSite(place, keep, options={
        "client_limits_at": "anvil", "rate_time_unit": "600s",
        "client_connection_rate_limit": 3,
        "client_connection_count_limit": 2})
    with GateSmtp(site, v1("198.51.100.1")) as one, \
            GateSmtp(site, v1("198.51.100.1")) as two:
        assert one.greeting == two.greeting == "220"
        for _ in range(3):
            assert refused_at_the_gate(site, "198.51.100.1") == \
                "client_connection_count_limit"
        one.quit()
        two.quit()
    wait_until(lambda: site.policyd.metric("tollgate_leases") == 0, 20,
               "both have left")
    with GateSmtp(site, v1("198.51.100.1")) as third:
        assert third.greeting == "220", third.text
        third.quit()
    wait_until(lambda: site.policyd.metric("tollgate_leases") == 0, 20,
               "it has left")
    assert refused_at_the_gate(site, "198.51.100.1") == \
        "client_connection_rate_limit"
    with GateSmtp(site, v1("198.51.100.2")) as other:
        assert other.greeting == "220", other.text
        other.quit()


def test_a_successor_takes_the_gate_over(place, keep, end_pid):
    """What is in hand is finished by the old process; USR2."""
    site = GateSite(place, keep)
    header = v1("198.51.100.5")
    with SlowSmtp(site, header[:20]) as session:
        wait_until(lambda: in_hand(site) == 1, 10, "it is in hand")
        end_pid(site.policyd.hand_over())
        session.send(header[20:])
        assert session.wait() == "220", session.text
        session.quit()
    site.policyd.process.wait_exit()
    with GateSmtp(site, v1("198.51.100.6")) as session:
        assert session.hello().send_message() == "250", session.text
        session.quit()
