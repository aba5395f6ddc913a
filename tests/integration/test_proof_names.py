"""Proxies that are found by name, and no signal says that something has
changed. In a file of its own, because it waits for most of its time."""
from harness.names_site import SEARCH, NamesSite
from harness.proof_site import PROXY, REFUSED
from harness.wait import wait_until
from harness.zone_server import A, ZoneServer

ELSEWHERE = "127.0.53.2"


def test_what_is_changed_is_obeyed(place, keep):
    """Within 30 s: another address, another entry of hosts; and then another
    name server, while the first one is silent."""
    site = NamesSite(place, keep, {"traefik.mail.test": {A: ["127.0.60.2"]}},
                     hosts=["127.0.60.3 local"])
    site.start("traefik", "local")
    proxy = site.smtpd(PROXY)
    assert proxy.ask() == REFUSED
    site.wait_trusted("127.0.60.2", "127.0.60.3")
    site.server.records["traefik.mail.test"] = {A: [PROXY]}
    site.names.write_hosts("127.0.60.4 local")
    wait_until(lambda: proxy.ask() == "DUNNO", 30, "the new address is obeyed")
    wait_until(lambda: site.trusts("127.0.60.4"), 30, "hosts is obeyed")
    assert not site.trusts("127.0.60.2") and not site.trusts("127.0.60.3")
    other = keep(ZoneServer(
        ELSEWHERE, {"traefik.mail.test": {A: ["127.0.60.5"]}}))
    site.server.close()
    site.names.point([ELSEWHERE], SEARCH)
    wait_until(lambda: site.trusts("127.0.60.5"), 30, "resolv.conf is obeyed")
    assert proxy.ask() == REFUSED and other.asked("traefik.mail.test")


def test_a_name_may_come_after_the_start(place, keep):
    site = NamesSite(place, keep, {})
    site.names.point([], "")
    site.start("traefik.mail.test")
    proxy = site.smtpd(PROXY)
    site.wait_logged("dns:traefik.mail.test: ")
    assert proxy.ask() == REFUSED
    site.server.records["traefik.mail.test"] = {A: [PROXY]}
    site.names.point(["127.0.53.1"], SEARCH)
    wait_until(lambda: proxy.ask() == "DUNNO", 10, "it is found")
