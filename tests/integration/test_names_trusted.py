"""Proxies by name: what becomes of the list when the DNS says something else,
or nothing. Each change is asked for by a reload; that it is seen without one
is test_proof_names.py's."""
import os
import signal

import pytest

from harness.names_site import SEARCH, SERVER, NamesSite
from harness.process import Process, has_ended
from harness.wait import wait_until
from harness.zone_server import AAAA, CNAME, A


@pytest.fixture
def site(place, keep):
    def make(*arguments, **more):
        return NamesSite(place, keep, *arguments, **more)
    return make


def test_a_wildcard_of_the_next_domain_is_nobody(site):
    """It has no IPv6 address; the domain after the next has for any name."""
    here = site({"traefik.mail.test": {A: ["192.0.2.9"]}})
    here.start("traefik", "mail.mail.test")
    here.wait_trusted("192.0.2.9")
    here.wait_logged("has 1 networks now, the addresses of traefik.mail.test")
    here.wait_logged("dns:mail.mail.test: no such name")
    assert not here.trusts("2001:db8::80")
    assert not here.trusts("192.0.2.80")


def test_nor_while_the_proxy_is_down(site):
    here = site({"traefik.mail.test": {A: ["192.0.2.9"]}})
    here.start("traefik")
    here.wait_trusted("192.0.2.9")
    del here.server.records["traefik.mail.test"]
    here.ask_again()
    here.wait_logged("traefik.mail.test.: no such name")
    assert here.trusts("192.0.2.9")
    assert not here.trusts("192.0.2.80")
    assert not here.trusts("2001:db8::80")
    assert not here.server.asked("traefik.example.test", AAAA)
    here.server.records["traefik.mail.test"] = {A: ["192.0.2.10"]}
    here.wait_trusted("192.0.2.10")
    assert not here.trusts("192.0.2.9")


def test_nor_for_a_successor_that_starts_meanwhile(site):
    """It is told which full name answered."""
    here = site({"traefik.mail.test": {A: ["192.0.2.9"]}})
    here.start("traefik")
    here.wait_trusted("192.0.2.9")
    del here.server.records["traefik.mail.test"]
    pid = here.policyd.hand_over()
    try:
        wait_until(lambda: here.policyd.process.text().count(
            "traefik: no such name") >= 1, 10, "it has asked")
        assert not here.server.asked("traefik.example.test")
        assert not here.trusts("192.0.2.80")
        here.server.records["traefik.mail.test"] = {A: ["192.0.2.10"]}
        here.wait_trusted("192.0.2.10")
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: has_ended(pid), 10, "it has ended")


def test_nor_when_the_first_domain_is_silent(site):
    """An error is no reason to ask the next domain."""
    here = site({"traefik.mail.test": {A: ["192.0.2.9"]}})
    here.server.faults = {("traefik.mail.test", kind): "servfail"
                          for kind in (A, AAAA)}
    here.start("traefik")
    here.wait_logged("dns:traefik: Temporary failure")
    here.server.faults = {}
    here.wait_trusted("192.0.2.9")
    assert not here.trusts("192.0.2.80")


def test_a_name_with_a_dot_is_absolute(site):
    here = site({"proxy.lab": {A: ["192.0.2.9"]},
                 "proxy.lab.mail.test": {A: ["192.0.2.66"]},
                 "gone.lab.mail.test": {A: ["192.0.2.67"]},
                 "dotted": {A: ["192.0.2.10"]},
                 "dotted.mail.test": {A: ["192.0.2.68"]}})
    here.start("proxy.lab", "gone.lab", "dotted.")
    here.wait_trusted("192.0.2.9", "192.0.2.10")
    here.wait_logged("dns:gone.lab: no such name")
    assert not any(here.trusts(f"192.0.2.{n}") for n in (66, 67, 68, 80))


@pytest.mark.parametrize("count", [30, 200])
def test_many_addresses(site, count):
    """More than a datagram of 512 bytes has room for; more than EDNS0's."""
    many = [f"198.51.100.{n}" for n in range(count)]
    six = [f"2001:db8::{n:x}" for n in range(1, count + 1)]
    here = site({"traefik.mail.test": {A: many, AAAA: six}})
    here.start("traefik")
    here.wait_trusted(many[0], many[-1], six[0], six[-1])
    here.wait_logged(f"has {2 * count} networks now")


@pytest.mark.parametrize("fault", ["drop", "servfail"])
def test_a_family_that_fails_keeps_its_addresses(site, fault):
    name = "traefik.mail.test"
    here = site({name: {A: ["192.0.2.9"], AAAA: ["2001:db8::9"]}})
    here.server.faults = {("mute.mail.test", A): "drop",
                          ("mute.mail.test", AAAA): "drop"}
    here.start("traefik", "mute.mail.test")
    here.wait_trusted("192.0.2.9", "2001:db8::9")
    here.server.faults[name, AAAA] = fault
    here.server.records[name] = {A: ["192.0.2.10"], AAAA: ["2001:db8::10"]}
    here.ask_again()
    here.wait_trusted("192.0.2.10")
    here.wait_logged(f"{name}.: IPv6: ")
    assert here.trusts("2001:db8::9")
    assert not here.trusts("192.0.2.9")
    del here.server.faults[name, AAAA]
    here.wait_trusted("2001:db8::10")
    here.wait_logged("dns:traefik is well again")
    here.server.records[name] = {A: ["192.0.2.10"]}
    here.ask_again()
    wait_until(lambda: not here.trusts("2001:db8::10"), 10,
               "it has no IPv6 address any more")


def test_a_server_that_minds_the_case(site):
    here = site({"traefik.mail.test": {A: ["192.0.2.9"]}}, exact=True)
    here.start("traefik")
    here.wait_trusted("192.0.2.9")


def test_hosts_goes_before_the_dns_for_both_families(site):
    here = site({}, hosts=["192.0.2.7 traefik", "192.0.2.8 web.example.test"])
    here.start("traefik", "web.example.test")
    here.wait_trusted("192.0.2.7", "192.0.2.8")
    here.names.write_hosts("192.0.2.17 traefik", "192.0.2.8 web.example.test")
    here.ask_again()
    here.wait_trusted("192.0.2.17")
    assert not any(here.trusts(peer) for peer in (
        "192.0.2.7", "192.0.2.80", "2001:db8::80"))


def test_nsswitch_may_leave_the_dns_out(site):
    here = site({"traefik.mail.test": {A: ["192.0.2.9"]}},
                hosts=["192.0.2.7 other"])
    here.names.write_nsswitch("files")
    here.start("traefik", "other")
    here.wait_trusted("192.0.2.7")
    here.wait_logged("dns:traefik: ")
    assert not here.server.questions
    here.names.write_nsswitch("files dns")
    here.wait_trusted("192.0.2.9")


def test_an_alias_may_be_pointed_elsewhere(site):
    here = site({"traefik.mail.test": {CNAME: ["one.mail.test"]},
                 "one.mail.test": {A: ["192.0.2.1"]},
                 "two.mail.test": {A: ["192.0.2.2"]}})
    here.start("traefik")
    here.wait_trusted("192.0.2.1")
    here.server.records["traefik.mail.test"] = {CNAME: ["two.mail.test"]}
    here.ask_again()
    here.wait_trusted("192.0.2.2")
    assert not here.trusts("192.0.2.1")


def test_another_search_list_is_obeyed(site):
    here = site({"traefik.mail.test": {A: ["192.0.2.9"]},
                 "traefik.other.test": {A: ["192.0.2.10"]}})
    here.start("traefik")
    here.wait_trusted("192.0.2.9")
    here.names.point([SERVER], "search other.test")
    here.ask_again()
    here.wait_trusted("192.0.2.10")
    assert not here.trusts("192.0.2.9")


def test_dnsmasq(site, place, keep):
    """One that is not ours: the same wildcard, and an answer that a datagram
    has no room for."""
    here, other = site({}), "127.0.53.9"
    hosts = place / "dnsmasq.hosts"
    many = [f"198.51.100.{n}" for n in range(1, 101)]

    def write(*records):
        hosts.write_text("".join(f"{record}\n" for record in records))
    write("192.0.2.9 traefik.mail.test",
          *(f"{address} many.mail.test" for address in many))
    server = keep(Process(
        ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
         "--user=root", "--pid-file", "--no-resolv", "--no-hosts",
         "--bind-interfaces", f"--listen-address={other}",
         "--log-facility=-", "--log-queries", f"--addn-hosts={hosts}",
         "--local=/mail.test/", "--address=/example.test/192.0.2.80",
         "--address=/example.test/2001:db8::80"], place / "dnsmasq.log"))
    server.wait_output("dnsmasq.hosts")
    here.names.point([other], SEARCH)
    here.start("traefik", "many")
    here.wait_trusted("192.0.2.9", many[0], many[-1])
    write("192.0.2.10 many.mail.test")
    server.signal(signal.SIGHUP)
    here.ask_again()
    here.wait_logged("traefik.mail.test.: no such name")
    here.wait_trusted("192.0.2.10")
    assert here.trusts("192.0.2.9")
    assert not any(here.trusts(peer) for peer in (
        many[0], "192.0.2.80", "2001:db8::80"))


def _resolver_of(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children",
              encoding="ascii") as file:
        for pid in file.read().split():
            with open(f"/proc/{pid}/comm", encoding="ascii") as name:
                if name.read().strip() == "resolver":
                    return int(pid)
    return None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_resolver_that_ends_is_replaced(site, number):
    here = site({"traefik.mail.test": {A: ["192.0.2.9"]}})
    here.start("traefik")
    here.wait_trusted("192.0.2.9")
    first = _resolver_of(here.policyd.process)
    os.kill(first, number)
    here.wait_logged(f"resolver: process {first} has ended")
    here.server.records["traefik.mail.test"] = {A: ["192.0.2.10"]}
    wait_until(lambda: _resolver_of(here.policyd.process) not in (None, first),
               5, "there is another one")
    here.ask_again()
    here.wait_trusted("192.0.2.10")
    here.policyd.stop()


def test_a_resolver_that_hangs_is_replaced(site):
    """What it knew stays meanwhile; the loop does not wait."""
    here = site({"traefik.mail.test": {A: ["192.0.2.9"]}})
    here.start("traefik")
    here.wait_trusted("192.0.2.9")
    first = _resolver_of(here.policyd.process)
    os.kill(first, signal.SIGSTOP)
    here.server.records["traefik.mail.test"] = {A: ["192.0.2.10"]}
    here.ask_again()
    assert here.trusts("192.0.2.9")
    here.policyd.process.wait_output(
        f"resolver: process {first} does not answer", 40)
    assert here.trusts("192.0.2.9")
    here.wait_trusted("192.0.2.10")
    assert has_ended(first)


def test_the_resolver_has_no_rights_and_one_socket(site):
    here = site({"traefik.mail.test": {A: ["192.0.2.9"]}})
    here.start("traefik")
    here.wait_trusted("192.0.2.9")
    pid = _resolver_of(here.policyd.process)
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file
                      if ":\t" in line)
    for kind in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert status["Uid"].split()[0] != "0" and not status["Groups"].strip()
    assert status["NoNewPrivs"] == "1"
    # In a root of its own the path of /dev/null has more before it.
    kinds = sorted(os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0][-9:]
                   for fd in os.listdir(f"/proc/{pid}/fd"))
    assert kinds == ["/dev/null"] * 3 + ["non_inode", "socket"]
