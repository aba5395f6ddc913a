"""Debian's own configuration with listeners behind a proxy, and then nothing
but what doctor advises: the lab's attackers get nothing through, everybody
else does, and doctor has no more to say."""
import contextlib
import itertools
import shutil
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.clinic import (PROXY, copy_debian, examine, postconf,
                            printed_commands, run_commands)
from harness.policyd import ANVIL_PASS, Milter, Policyd, render
from harness.process import Process
from harness.wait import PATIENT, wait_until
from proxy_lab.attack import (HEADERS, NETWORK_CLIENT, SENDER, WAYS,
                              XCLIENT_CLIENT, Session, attack,
                              attack_wrapped)
from proxy_lab.host import Lab
from proxy_lab.in_network import PostfixInNetwork, make_certificate
from proxy_lab.network import Network, ipv4, ipv6

DIRECT, PLAIN, WRAPPED, SCREENED = 25, 12525, 10465, 12526

# What makes the instance a private and a quick one, and what an attacker would
# like to be; all else is the package's.
MAIN = {
    "maillog_file_prefixes": "/tmp, /var",
    "myhostname": "stock.example",
    "mydestination": "test.example",
    "inet_interfaces": "all",
    "alias_maps": "",
    "local_recipient_maps": "",
    "local_transport": "discard:",
    "default_transport": "discard:",
    "smtpd_peername_lookup": "no",
    "mynetworks": f"127.0.0.0/8, [::1]/128, {NETWORK_CLIENT}/32",
    "smtpd_authorized_xclient_hosts": XCLIENT_CLIENT,
    "smtpd_recipient_restrictions":
        "permit_mynetworks, reject_unauth_destination",
    "smtpd_timeout": "20s",
    "default_process_limit": "200",
    "service_throttle_time": "1s",
}
SERVICES = [
    f"{PLAIN} inet n - y - - smtpd {PROXY}",
    f"{WRAPPED} inet n - y - - smtpd {PROXY} -o smtpd_tls_wrappermode=yes",
    f"{SCREENED} inet n - y - 1 postscreen"
    " -o postscreen_upstream_proxy_protocol=haproxy",
    "smtpd pass - - y - - smtpd",
]

HAPROXY = f"""\
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen plain
    bind {ipv4("haproxy")}:25
    bind [{ipv6("haproxy")}]:25
    server postfix {ipv4("mail")}:{PLAIN} send-proxy-v2
listen screened
    bind {ipv4("haproxy")}:26
    server postfix {ipv4("mail")}:{SCREENED} send-proxy-v2
listen ipv6
    bind {ipv4("haproxy")}:27
    server postfix [{ipv6("mail")}]:{PLAIN} send-proxy
"""


class StockPostfix(PostfixInNetwork):
    def __init__(self, network, directory, certificate):
        self.certificate = certificate
        super().__init__(network, directory, address=ipv4("mail"), port=PLAIN)

    def _write_main_cf(self, *_):
        copy_debian(self.etc, self.queue, data_directory=self.data,
                    maillog_file=self.log.path, **MAIN,
                    smtpd_tls_chain_files=self.certificate)

    def _write_master_cf(self, *_):
        for line in SERVICES:
            name, kind = line.split()[:2]
            postconf(self.etc, "-M", f"{name}/{kind}={line}")


class StockLab:
    """is_treated: with what doctor advises in main.cf and master.cf."""

    send = Lab.send

    def __init__(self, network, directory, keep, is_treated=True):
        self.network = network
        directory.mkdir()
        directory.chmod(0o755)
        self.postfix = keep(StockPostfix(network, directory / "postfix",
                                         make_certificate(directory)))
        listen = [f"anvil-pass:unix:{directory}/anvil",
                  f"policy:unix:{self.postfix.queue}/tollgate/policy"]
        trusted = [ipv4("haproxy"), ipv6("haproxy")]
        milter = f"unix:{self.postfix.queue}/tollgate-milter/milter"
        sections = [("service", str(DIRECT), {"port": DIRECT}),
                    ("limit", "guesses", {
                        "event": "rejected_recipient", "key": ["sender"],
                        "rate": "3/1h"})]
        sections += [("service", str(port), {
            "port": port, "proxied": True, "trusted_proxies": trusted})
            for port in (PLAIN, WRAPPED, SCREENED)]
        self.config = directory / "tollgate.conf"
        self.config.write_text(render(
            {"user": "nobody", "group": "nogroup"},
            [*sections, ("policyd", None, {"listen": listen}),
             ("milter", None, {"listen": milter})]))
        self.advice = printed_commands(self.config, self.postfix.etc)
        if is_treated:
            run_commands(self.advice, self.postfix.etc,
                         shutil.copy(ANVIL_PASS, directory))
        self.postfix.start()
        self.policyd = keep(Policyd(directory / "policyd", listen,
                                    options=PATIENT, sections=sections))
        self.milter = keep(Milter(directory / "milter", milter,
                                  options=PATIENT, sections=sections))
        config = directory / "haproxy.cfg"
        config.write_text(HAPROXY)
        self.haproxy = keep(Process(
            [*network.command("haproxy"), "/usr/sbin/haproxy", "-db", "-f",
             config], directory / "haproxy.log"))
        wait_until(self.is_open, 10, "HAProxy listens")

    def is_open(self):
        with self.network.inside("client"), contextlib.suppress(OSError):
            socket.create_connection((ipv4("haproxy"), 27), 1).close()
            return True
        return False


class HonestMail:
    """Mail through the proxy from now until close; codes is what came."""

    def __init__(self, lab):
        self.lab = lab
        self.codes = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ended.wait(0.1):
            self.codes.append(self.lab.send((ipv4("haproxy"), 25)))

    def close(self):
        self._ended.set()
        self._thread.join()


@pytest.fixture(scope="module")
def network(keeps):
    return keeps(Network())


def test_untreated(network, place, keep):
    """That the attacks are worth something against this configuration."""
    lab = StockLab(network, place / "lab", keep, is_treated=False)
    for header, way in itertools.product(("v1-network", "v2-fresh"), WAYS):
        attack(network, (ipv4("mail"), PLAIN), header, way)
    wait_until(lambda: lab.postfix.queued_from(SENDER) > 5, 20,
               "the attacker's mail is accepted")


@pytest.fixture(scope="module")
def lab(network, places, keeps):
    return StockLab(network, places / "lab", keeps)


def greeted(said):
    return any(line.startswith(b"220") for line in said.split(b"\r\n"))


def queued(lab):
    assert lab.send((ipv4("haproxy"), 25)) == "250"
    wait_until(lambda: "disconnect" in lab.postfix.log.text(), 5, "log")
    return lab.postfix.queued_from(SENDER)


def test_doctor_is_content(lab):
    """With Postfix and policyd running: it gets at each socket, too."""
    assert len(lab.advice) > 10
    status, findings, notes = examine(lab.config, lab.postfix.etc)
    assert (status, findings) == (0, [])
    assert [note[:14] for note in notes] == ["limit guesses:"]


def test_attackers_get_nothing_through(lab, keep):
    honest = keep(HonestMail(lab))
    targets = [(ipv4("mail"), PLAIN), (ipv4("mail"), SCREENED),
               (ipv6("mail"), PLAIN)]
    plans = list(zip(itertools.cycle(targets),
                     itertools.product(WAYS, HEADERS)))
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(
            lambda plan: attack(lab.network, plan[0], plan[1][1], plan[1][0]),
            plans))
    honest.close()
    assert [plan for plan, said in zip(plans, told) if greeted(said)] == []
    assert not any(greeted(attack_wrapped(
        lab.network, (ipv4("mail"), WRAPPED), header)) for header in HEADERS)
    assert queued(lab) == 0
    assert set(honest.codes) == {"250"} and len(honest.codes) > 3


def test_everybody_else_gets_through(lab):
    for server in ((ipv4("haproxy"), 25), (ipv6("haproxy"), 25),
                   (ipv4("haproxy"), 26), (ipv4("haproxy"), 27),
                   (ipv4("mail"), DIRECT)):
        assert lab.send(server) == "250", server
    # A proxy that is not trusted is one more attacker.
    assert not greeted(attack(lab.network, (ipv4("mail"), PLAIN), "v2-fresh",
                              "dialog", host="nginx"))


def test_milter_counts(lab):
    """What Postfix itself rejects only the milter is told; nothing else was
    wanted of it, and it needed no more than doctor's line."""
    with lab.network.inside("client"):
        session = Session((ipv4("haproxy"), 25), timeout=20)
    session.reply()
    for command in ("EHLO client.example", "MAIL FROM:<x@client.example>"):
        session.send(command.encode() + b"\r\n")
        session.reply()
    for i in range(5):
        session.send(f"RCPT TO:<{i}@elsewhere.example>\r\n".encode())
        session.reply()
    session.close()
    assert lab.milter.metric("tollgate_decisions_total") > 0
    wait_until(lambda: "limit=guesses" in lab.milter.process.text(), 5,
               "the milter has refused")


def test_without_policyd_nothing_is_accepted(lab):
    """Last, because it ends policyd."""
    lab.policyd.kill()
    for header, way in itertools.product(
            ("v1-loopback", "v2-xclient", "v2-fresh"), WAYS):
        said = attack(lab.network, (ipv4("mail"), PLAIN), header, way)
        assert not greeted(said)
    assert lab.postfix.queued_from(SENDER) == 0
    lab.policyd.start()
    wait_until(lambda: lab.send((ipv4("haproxy"), 25)) == "250", 20,
               "mail flows again")
    assert queued(lab) == 0
