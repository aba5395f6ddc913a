"""The same lab with gates: nothing of its Postfix wants a PROXY header."""
from harness.policyd import Policyd
from harness.wait import PATIENCE, PATIENT

from .host import Lab
from .mail_host import (ALL, ASK_MILTER, ASK_POLICY, DIRECT, JAILED, LENIENT,
                        LIMITED, WRAPPED, MailHost)
from .network import ipv4, ipv6

JAIL, TLS = JAILED[ALL], WRAPPED[ALL]
# The pass service behind each: chrooted?, options.
GATES = {
    ALL: ("n", LENIENT), JAIL: ("y", ""), LIMITED: ("n", ""),
    TLS: ("n", "-o smtpd_tls_wrappermode=yes"),
}
LISTENERS = [f"gate:inet:{address}:{port}" for port in GATES
             for address in (ipv4("mail"), f"[{ipv6('mail')}]")]
# As seen by the milter, which knows a gate's session by a macro.
LIMIT = ("limit", "two", {
    "at": "milter", "event": "message", "key": ["client"], "rate": "2/1h",
    "services": [str(LIMITED)]})


class GateMailHost(MailHost):
    port = DIRECT
    listeners = {DIRECT: ASK_POLICY + ASK_MILTER}
    lines = "".join(f"""
gate-{port} pass n - {jail} - - smtpd {ASK_POLICY} {ASK_MILTER} {options}
  -o smtpd_policy_service_policy_context=gate-{port}
  -o milter_macro_daemon_name=gate-{port}
""" for port, (jail, options) in GATES.items())


class PolicydInNetwork(Policyd):
    def __init__(self, network, *arguments, **more):
        self.network = network
        super().__init__(*arguments, before=network.command("mail"), **more)

    def get(self, path):
        with self.network.inside("mail"):
            return super().get(path)


class GateLab(Lab):
    mail_host = GateMailHost

    def _make_policyd(self, directory, listen):
        return PolicydInNetwork(
            self.network, directory, [*listen, *LISTENERS], options=PATIENT,
            sections=self._sections())

    def _milter_sections(self):
        """It is told of the gates, as in the one file of both."""
        return [*self._sections(), ("policyd", None, {"listen": LISTENERS})]

    def _sections(self):
        public = self.postfix.queue / "public"
        return [*(("service", str(port), {
            "port": port, "proxied": True, "trusted_proxies": self.trusted,
            "pass_to": public / f"gate-{port}",
            "pass_timeout": f"{20 * PATIENCE}s", "tls_wrapper": port == TLS,
        }) for port in GATES),
            ("service", str(DIRECT), {"port": DIRECT}), LIMIT]
