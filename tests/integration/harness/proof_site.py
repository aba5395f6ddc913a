"""A policyd with one proxied service, and smtpd processes that ask it."""
import re
import signal

from .control import asked, tollgatectl
from .policyd import Policyd
from .ports import free_port
from .smtpd import FakeSmtpd
from .wait import wait_until

PROXY, STRANGER = "127.0.60.1", "127.0.66.1"
REFUSED = "421 4.7.1 Error: not through a trusted proxy"


def names_cause(daemon, cause, call):
    """In the log and in status: the cause, the call that was refused, and what
    to do; the last two are returned, as status has them."""
    assert re.search(
        rf"peers cannot be proven \({cause}\), \d+ requests: {call}.*: .*; .",
        daemon.process.text()), daemon.process.text()
    proof = asked(daemon, "status")["proof"]
    assert proof["cause"] == cause
    assert re.match(f"{call}.*: .*; .", proof["text"]), proof
    return proof["text"]


def counts_cause(daemon, cause):
    assert re.search(
        rf'^tollgate_proof_refusals_total{{cause="{cause}"}} [1-9]',
        daemon.get("/metrics")[1], re.MULTILINE)


def says_why(daemon, cause, call):
    """Nothing can be proven: readyz and status say so too, at the latest a
    minute after the last proof."""
    words = names_cause(daemon, cause, call)
    counts_cause(daemon, cause)
    wait_until(lambda: asked(daemon, "status")["proof"]["total"], 70,
               "no proof for a minute")
    shown = tollgatectl("status", sockets=[daemon]).stdout
    assert re.search(f"proof +REFUSED BY THE KERNEL .*{cause}", shown), shown
    status, body = daemon.get("/readyz")
    assert status == 503 and words in body, body


class ProofSite:
    def __init__(self, place, keep):
        place.chmod(0o777)
        self.place, self.keep = place, keep
        self.port = free_port()
        self.policyd = None

    def section(self, trusted, **more):
        return ("service", "proxied",
                {"port": self.port, "proxied": True,
                 "trusted_proxies": list(trusted), **more})

    def start(self, *trusted, listen=(), before=(), options=None, **service):
        self.policyd = self.keep(Policyd(
            self.place / "policyd",
            [f"policy:unix:{self.place}/policy", *listen],
            options=options, sections=[self.section(trusted, **service)],
            before=before))
        return self.policyd

    def smtpd(self, peer, port=None, address="127.0.0.1"):
        return self.keep(FakeSmtpd(
            self.place / "policy", port or self.port, peer, address))

    def reload(self, *sections):
        self.policyd.sections = list(sections)
        self.policyd.write_config()
        before = self._reloads()
        self.policyd.process.signal(signal.SIGHUP)
        wait_until(lambda: self._reloads() > before, 5, "reloaded or not")

    def _reloads(self):
        return (self.policyd.metric("tollgate_reloads_total")
                + self.policyd.metric("tollgate_reload_failures_total"))
