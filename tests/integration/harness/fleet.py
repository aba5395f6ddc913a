"""Several policyds on one store, none of them with a Postfix."""
from .attributes import Anvil, Policy
from .policyd import Policyd
from .wait import wait_until


class Fleet:
    """daemons: each serves the policy and the anvil face."""

    def __init__(self, directory, keep, count, *, sections=(), before=(),
                 **options):
        self._keep = keep
        self._places = [directory / f"daemon{i}" for i in range(count)]
        self.daemons = []
        for place in self._places:
            place.mkdir()
            place.chmod(0o777)
            listen = [f"policy:unix:{place}/policy", f"anvil:unix:{place}/anvil"]
            self.daemons.append(keep(Policyd(
                place / "policyd", listen, options=options, sections=sections,
                before=before)))

    def policy(self, index):
        return self._keep(Policy(self._places[index] / "policy"))

    def anvil(self, index):
        return self._keep(Anvil(self.anvil_path(index)))

    def anvil_path(self, index):
        return self._places[index] / "anvil"

    def wait_store(self, is_there=True, timeout=10):
        for daemon in self.daemons:
            wait_until(lambda: daemon.has_store() == is_there, timeout,
                       lambda: f"the store is {is_there}:\n"
                       f"{daemon.process.text()}")

    def wait_known(self, timeout=15):
        """Each daemon knows of all that serve the anvil face."""
        name = 'tollgate_instances_serving{face="anvil"}'
        wanted = f"{name} {len(self.daemons)}\n"
        for daemon in self.daemons:
            wait_until(lambda: wanted in daemon.get("/metrics")[1], timeout,
                       "the daemons know each other")


def passed(said):
    """How many of these policy actions let something through."""
    return sum(action == "DUNNO" for action in said)
