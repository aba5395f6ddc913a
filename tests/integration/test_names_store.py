"""A store that is named: whose address gets the password, and when."""
import socket
import threading

from harness.names_site import SEARCH, SERVER, WILDCARD
from harness.own_names import OwnNames
from harness.policyd import Policyd
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.wait import wait_until
from harness.zone_server import AAAA, A, ZoneServer

STORE, HOST = "redis.mail.test", "127.0.70.1"
PASSWORD = "very-secret"


class Host:
    """Takes connections, reads what is said, and hangs up."""

    def __init__(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.heard = []
        self._listener = socket.create_server((address, port), family=family)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while True:
            try:
                peer = self._listener.accept()[0]
            except OSError:
                return
            with peer:
                peer.settimeout(5)
                self.heard.append(peer.recv(4096))

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


def start(place, keep, names, host, port):
    return keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        options={"store": f"redis://{host}:{port}",
                 "store_password": PASSWORD}, before=names.before))


def test_the_password_is_for_the_host_that_was_named(place, keep):
    """The store has an IPv4 address and is down; the wildcard of the next
    domain has an IPv6 one, where somebody listens."""
    port = free_port()
    server = keep(ZoneServer(SERVER, {
        **WILDCARD, "*.example.test": {AAAA: ["::1"]}, STORE: {A: [HOST]}}))
    stranger = keep(Host("::1", port))
    store = keep(Host(HOST, port))
    start(place, keep, OwnNames(place, [SERVER], SEARCH), "redis", port)
    wait_until(lambda: len(store.heard) >= 5, 20, "it is dialled again")
    assert all(PASSWORD.encode() in heard for heard in store.heard)
    del server.records[STORE]
    asked = server.asked(STORE)
    wait_until(lambda: server.asked(STORE) >= asked + 4, 20,
               "its name is asked for again")
    assert not stranger.heard
    assert not server.asked("redis.example.test", AAAA)


def redis(place, keep, address=HOST):
    return keep(RedisServer(place / "redis", "--requirepass", PASSWORD,
                            "--protected-mode", "no", address=address))


def test_many_addresses_of_which_one_answers(place, keep):
    store = redis(place, keep)
    keep(ZoneServer(SERVER, {STORE: {
        A: [f"127.0.70.{n}" for n in range(1, 201)]}}))
    policyd = start(place, keep, OwnNames(place, [SERVER], SEARCH), "redis",
                    store.port)
    wait_until(policyd.has_store, 20, "one of the first addresses answers")


def test_a_family_without_an_answer_is_not_waited_for(place, keep):
    store = redis(place, keep)
    server = keep(ZoneServer(SERVER, {STORE: {A: [HOST]}}))
    server.faults = {(STORE, AAAA): "drop"}
    policyd = start(place, keep, OwnNames(place, [SERVER], SEARCH), "redis",
                    store.port)
    wait_until(policyd.has_store, 10, "the IPv4 address is enough")
    assert server.asked(STORE) == 1


def test_resolv_conf_may_come_after_the_start(place, keep):
    store = redis(place, keep)
    server = keep(ZoneServer(SERVER, {STORE: {A: [HOST]}}))
    names = OwnNames(place, ["127.0.53.9"], SEARCH)
    policyd = start(place, keep, names, "redis", store.port)
    policyd.process.wait_output("redis.mail.test.: Temporary failure")
    names.point([SERVER], SEARCH)
    wait_until(policyd.has_store, 30, "the store is found")
