"""Proxies that are found by name. In a file of its own, because it waits for
most of its time."""
from harness.name_server import NameServer
from harness.proof_site import PROXY, REFUSED, ProofSite
from harness.wait import wait_until


def test_a_name_that_is_pointed_elsewhere(place, keep):
    site = ProofSite(place, keep)
    server = keep(NameServer("127.0.53.1", "127.0.60.2"))
    resolv = place / "resolv.conf"
    resolv.write_text("nameserver 127.0.53.1\n")
    site.start("dns:traefik.lab.test", before=[
        "unshare", "--mount", "sh", "-c",
        f"mount --bind {resolv} /etc/resolv.conf && exec \"$@\"", "sh"])
    proxy = site.smtpd(PROXY)
    wait_until(lambda: server.asked > 0, 5, "the name is asked for")
    assert proxy.ask() == REFUSED
    server.answer = PROXY
    wait_until(lambda: proxy.ask() == "DUNNO", 30, "the new address is obeyed")
    server.answer = None
    asked = server.asked
    wait_until(lambda: server.asked >= asked + 2, 30, "it is asked for again")
    assert proxy.ask() == "DUNNO"
