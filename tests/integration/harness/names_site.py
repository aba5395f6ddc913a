"""Policyd whose proxies are named, and the name server that knows them."""
from .control import asked
from .own_names import OwnNames
from .proof_site import ProofSite
from .wait import wait_until
from .zone_server import AAAA, A, ZoneServer

SERVER = "127.0.53.1"
SEARCH = "search mail.test example.test\noptions ndots:5"
# As in Kubernetes: the cluster's domain, then one where every name is somebody.
WILDCARD = {"*.example.test": {A: ["192.0.2.80"], AAAA: ["2001:db8::80"]}}


class NamesSite(ProofSite):
    """Policyd, a name server, and the files that lead there."""

    def __init__(self, place, keep, records, exact=False, hosts=()):
        super().__init__(place, keep)
        self.server = keep(ZoneServer(SERVER, {**WILDCARD, **records}, exact))
        self.names = OwnNames(place, [SERVER], SEARCH, hosts)
        self.trusted = ()

    def start(self, *names, **more):
        self.trusted = [f"dns:{name}" for name in names]
        return super().start(*self.trusted, before=self.names.before, **more)

    def trusts(self, peer):
        [decision] = asked(
            self.policyd, "explain", f"port={self.port}", "event=recipient",
            "face=policy", "client=198.51.100.1",
            f"peer={peer}")["decisions"]
        [said] = [check["outcome"] for check in decision["checks"]
                  if check["check"] == "proof"]
        return said == "passed"

    def wait_trusted(self, *peers):
        for peer in peers:
            wait_until(lambda peer=peer: self.trusts(peer), 15, lambda: (
                f"{peer} is trusted:\n{self.policyd.process.text()}"))

    def ask_again(self):
        self.reload(self.section(self.trusted))

    def wait_logged(self, text):
        self.policyd.process.wait_output(text, 20)
