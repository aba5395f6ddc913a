"""A Postfix behind HAProxy, with policyd and the milter beside it."""
import shutil

from .haproxy import Haproxy
from .policyd import ANVIL_PASS, Milter, Policyd
from .ports import free_port
from .postfix import Postfix, pass_through

PROXY = "127.0.0.2"
PROXIED = "-o smtpd_upstream_proxy_protocol=haproxy"


class Front:
    """proxied: {name: options of that smtpd}; server[name] is where a client
    connects, at HAProxy or at Postfix itself ("direct"), which has all of
    loopback for clients. All ask policyd, for anvil and policy, and the
    milter, unless their options say otherwise. limits: {face: sections}."""

    def __init__(self, place, keep, proxied, *, options, limits=None,
                 main=None):
        ports = {name: free_port() for name in ["direct", *proxied]}
        self.server = {"direct": ("127.0.0.1", ports["direct"])}
        self._options = {"impossible_clients": [], **options}
        self._sections = [
            ("service", name, {"port": port} if name == "direct" else
             {"port": port, "proxied": True, "trusted_proxies": [PROXY]})
            for name, port in ports.items()]
        limits = {"policyd": [], "milter": [], **(limits or {})}
        self.policyd = keep(Policyd(
            place / "policyd", [f"policy:unix:{place}/policyd/policy",
                                f"anvil-pass:unix:{place}/policyd/anvil"],
            options=self._options,
            sections=[*self._sections, *limits["policyd"]]))
        self.milter = keep(Milter(
            place / "milter", options=self._options,
            sections=[*self._sections, *limits["milter"]]))
        smtpds = {f"127.0.0.1:{ports[name]}": f"{PROXIED} {more}"
                  for name, more in proxied.items()}
        self.postfix = keep(self._make_postfix(
            place, {f"127.0.0.1:{ports['direct']}": "", **smtpds}, main or {}))
        self.postfix.start()
        for name in proxied:
            self.server[name] = (PROXY, free_port(PROXY))
            keep(Haproxy(place / f"haproxy-{name}", self.server[name],
                         ("127.0.0.1", ports[name])))

    def _make_postfix(self, place, services, main):
        # spawn(8) runs it as nobody, who may not be allowed to look into the
        # build directory.
        helper = shutil.copy(ANVIL_PASS, place)
        policy = f"check_policy_service unix:{place}/policyd/policy"
        return Postfix(
            place / "postfix", port=self.server["direct"][1],
            anvil=pass_through(helper, f"{place}/policyd/anvil"),
            services=services, main={
                **self.milter.main_cf(),
                "smtpd_recipient_restrictions": policy,
                "smtpd_end_of_data_restrictions": policy, **main})
