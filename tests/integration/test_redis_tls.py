"""Redis over TLS: who is believed, who is not and what is said then, and new
certificates without a restart."""
import re
import signal
import threading

import pytest

from harness.attributes import Anvil
from harness.authority import Authority
from harness.control import asked, tollgatectl
from harness.policyd import Policyd
from harness.ports import free_port
from harness.redis_cluster import Cluster
from harness.redis_sentinel import NAME, Sentinel
from harness.redis_tls import TlsFiles, TlsRedisServer
from harness.redis_watch import count, is_available, wait_available
from harness.wait import wait_until

ADDRESS = ("redis.example", "IP:127.0.0.1")


@pytest.fixture(scope="module")
def authority(places):
    return Authority(places / "authority")


@pytest.fixture(scope="module")
def stranger(places):
    return Authority(places / "stranger")


@pytest.fixture(scope="module")
def server_files(places, authority):
    return TlsFiles(places / "server", authority, authority.issue(*ADDRESS))


@pytest.fixture(scope="module")
def redis(places, keeps, server_files):
    return keeps(TlsRedisServer(places / "redis", server_files))


@pytest.mark.parametrize("host, options", [
    ("127.0.0.1", {}),
    ("localhost", {"store_tls_server_name": "redis.example"})])
def test_counts_where_the_certificate_is_good(
        start, place, client, redis, server_files, host, options):
    policyd = start(store=f"rediss://{host}:{redis.tls_port}",
                    store_tls_ca_file=server_files.ca, lease_ttl="10m",
                    **options)
    wait_available(policyd)
    assert count(place, client, 3) == [1, 2, 3]
    with Anvil(place / "anvil") as smtpd:
        assert smtpd.event("connect", client)["count"] == 1
        # Places are given back before the end, also through TLS.
        key = f"tollgate:{{s=smtp|c={client}}}lc"
        assert redis.cli("exists", key) == "1\n"
        policyd.process.signal(signal.SIGTERM)
    policyd.process.wait_exit()
    assert redis.cli("exists", key) == "0\n"


@pytest.fixture
def bad(place, keep, authority, stranger, redis, server_files):
    """bad(name): (URL, options, what the log says)."""
    def server(issued, clients="no"):
        files = TlsFiles(place / "bad", authority, issued)
        return keep(TlsRedisServer(place / "redis", files,
                                   clients=clients)).tls_url

    def make(name):
        ours = {"store_tls_ca_file": server_files.ca}
        if name == "wrong CA":
            other = TlsFiles(place / "other", stranger,
                             stranger.issue("client"))
            return redis.tls_url, {"store_tls_ca_file": other.ca}, \
                "unable to get local issuer certificate"
        if name == "wrong name":
            return redis.tls_url, {
                **ours, "store_tls_server_name": "other.example"}, \
                "hostname mismatch"
        if name == "wrong address":
            return server(authority.issue("redis.example")), ours, \
                "IP address mismatch"
        if name == "expired":
            return server(authority.issue(*ADDRESS, start=-9, days=-1)), ours, \
                "certificate has expired"
        if name == "no client certificate":
            # Its reset may overtake what it says of it.
            return server(authority.issue(*ADDRESS), "yes"), ours, \
                "certificate required|connection reset|closed the conn"
        assert name == "no TLS there"
        return redis.url.replace("redis:", "rediss:"), ours, \
            "nobody speaks TLS there"
    return make


@pytest.mark.parametrize("name", [
    "wrong CA", "wrong name", "wrong address", "expired",
    "no client certificate", "no TLS there"])
def test_nobody_else_is_believed(start, place, client, bad, name):
    url, options, says = bad(name)
    policyd = start(store=url, **options)
    policyd.process.wait_output("is unavailable: ")
    text = policyd.process.text()
    line = text[text.index("is unavailable: "):].split("\n")[0]
    assert re.search(says, line, re.IGNORECASE), line
    assert not is_available(policyd)
    # Each machine counts for itself meanwhile.
    assert count(place, client, 2) == [1, 2]
    assert policyd.process.is_running()


def test_a_new_certificate_is_used_without_a_pause(
        start, place, keep, client, authority, stranger, server_files):
    redis = keep(TlsRedisServer(place / "redis", server_files, clients="yes"))
    files = TlsFiles(place / "client", authority, authority.issue("one"))
    policyd = start(store=redis.tls_url, store_timeout="3s", lease_ttl="1s",
                    **files.as_client())
    wait_available(policyd)
    before = tollgate_clients(redis)

    rates, is_over = [], threading.Event()

    def load():
        with Anvil(place / "anvil") as smtpd:
            while not is_over.is_set():
                rates.append(smtpd.event("message", client)["rate"])
    thread = threading.Thread(target=load)
    thread.start()
    try:
        # The same again is no reason to connect anew, rubbish even less.
        policyd.process.signal(signal.SIGHUP)
        wait_until(lambda: policyd.metric("tollgate_reloads_total") == 1, 5,
                   "the reload")
        good = files.cert.read_text()
        files.cert.write_text("rubbish\n")
        policyd.process.signal(signal.SIGHUP)
        policyd.process.wait_output("reload: store_tls_cert_file: ")
        policyd.process.wait_output("the old configuration stays")
        done = tollgatectl("certs", "reload", sockets=[policyd])
        assert done.returncode == 1
        assert "store_tls_cert_file: " in done.stderr
        assert tollgate_clients(redis) == before
        # One that the server does not take: the old link goes on.
        files.write(authority, stranger.issue("stranger"))
        policyd.process.signal(signal.SIGHUP)
        policyd.process.wait_output("not connected anew yet: ")
        assert tollgate_clients(redis) == before
        assert files.cert.read_text() != good
        files.write(authority, authority.issue("two"))
        assert asked(policyd, "certs", "reload") == {"certificates": []}
        wait_until(lambda: len(tollgate_clients(redis)) == 1
                   and tollgate_clients(redis) != before, 10,
                   "the new link has taken the old one's place")
    finally:
        is_over.set()
        thread.join()
    assert rates == list(range(1, len(rates) + 1))
    assert policyd.metric("tollgate_store_unavailable_decisions_total") == 0


def test_a_cluster_is_reached_over_tls_alone(
        start, place, keep, client, authority, server_files):
    """Also the nodes that only the slot map names, by their addresses."""
    def make(directory, *options):
        return TlsRedisServer(
            directory, server_files, "--tls-cluster", "yes",
            "--tls-replication", "yes", *options, clients="yes")
    cluster = Cluster(place / "cluster", keep, make=make)
    place.chmod(0o777)
    files = TlsFiles(place / "client", authority, authority.issue("one"))
    policyd = start(
        store=f"rediss+cluster://127.0.0.1:{cluster.nodes[0].tls_port}",
        store_timeout="3s", **files.as_client())
    wait_available(policyd)
    for one in range(20):
        assert count(place, f"{client.rsplit('.', 1)[0]}.{one}", 2) == [1, 2]
    before = [tollgate_clients(node) for node in cluster.nodes]
    assert all(before)
    for node in cluster.nodes:
        assert peers_are_secure(node)
    # New certificates for all of them at once.
    files.write(authority, authority.issue("two"))
    policyd.process.signal(signal.SIGHUP)
    wait_until(lambda: all(
        not old & tollgate_clients(node) and tollgate_clients(node)
        for node, old in zip(cluster.nodes, before)), 10,
        "new links have taken the old ones' place")
    assert count(place, client.replace("127.0.", "127.1."), 2) == [1, 2]
    assert policyd.metric("tollgate_store_unavailable_decisions_total") == 0


def test_sentinels_are_asked_over_tls_too(
        start, place, keep, client, server_files):
    redis = keep(TlsRedisServer(place / "redis", server_files))
    port = free_port()
    sentinel = keep(Sentinel(
        place / "sentinel", redis, 1, f"tls-port {port}",
        "tls-replication yes", "tls-auth-clients no",
        *(" ".join(pair) for pair in zip(*[iter(
            option.removeprefix("--") if option.startswith("--") else option
            for option in map(str, server_files.as_server()))] * 2)),
        port=redis.tls_port))
    wait_until(lambda: sentinel.knows(0, 0), 10, "it sees the master")
    policyd = start(store=f"rediss+sentinel://127.0.0.1:{port}/{NAME}",
                    store_tls_ca_file=server_files.ca)
    wait_available(policyd)
    assert count(place, client, 2) == [1, 2]
    assert peers_are_secure(redis)


def peers_are_secure(redis):
    """Our connections have come to the TLS port."""
    return all(f"laddr=127.0.0.1:{redis.tls_port}" in line
               for line in redis.cli("client", "list").splitlines()
               if "name=tollgate:" in line)


def tollgate_clients(redis):
    """The ids of our connections."""
    return {line.split("id=")[1].split(" ")[0]
            for line in redis.cli("client", "list").splitlines()
            if "name=tollgate:" in line}


@pytest.mark.parametrize("broken, says", [
    ("store_tls_ca_file", "no such file or directory"),
    ("store_tls_cert_file", "no start line"),
    ("store_tls_key_file", "key values mismatch")])
def test_unusable_files_are_named_at_start(
        place, keep, authority, broken, says):
    files = TlsFiles(place / "client", authority, authority.issue("one"))
    options = files.as_client()
    if says.startswith("no such"):
        files.ca.unlink()
    elif says.startswith("no start"):
        files.cert.write_text("rubbish")
    else:
        files.key.write_text(authority.issue("two").key)
    policyd = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        options={"store": "rediss://127.0.0.1:1", **options}, wait=False))
    assert policyd.process.wait_exit() == 2
    text = policyd.process.text()
    assert f"{broken}: {options[broken]}: " in text
    assert says in text.lower()


def test_a_frozen_server_delays_nobody_for_long(
        start, place, client, keep, server_files):
    redis = keep(TlsRedisServer(place / "redis", server_files))
    policyd = start(store=redis.tls_url, store_tls_ca_file=server_files.ca)
    wait_available(policyd)
    assert count(place, client, 2) == [1, 2]
    redis.process.freeze()
    count(place, client)
    assert not is_available(policyd)
    redis.process.thaw()
    wait_available(policyd)
    redis.process.kill()
    wait_until(lambda: not is_available(policyd), 5, "its loss is noticed")
    redis.start()
    wait_available(policyd)
    assert count(place, client, 2) == [1, 2]
