"""A Redis Cluster of masters and, if wanted, a replica for each."""
import time

from .ports import free_port
from .redis_server import RedisServer
from .wait import wait_until

SLOTS = 16384


class Cluster:
    """keep: as the fixture. Node n has the n-th share of the slots. make:
    another RedisServer; spare: so many masters without slots."""

    def __init__(self, directory, keep, *, masters=3, replicas=False,
                 spare=0, options=(), node_timeout=600, make=RedisServer):
        directory.mkdir()
        directory.chmod(0o755)
        count = masters * (2 if replicas else 1) + spare
        # The usual one, 10000 above, may be taken for something else.
        bus = [free_port() for _ in range(count)]
        self.nodes = [keep(make(
            directory / str(number), "--cluster-enabled", "yes",
            "--cluster-port", bus[number],
            "--cluster-node-timeout", node_timeout,
            "--cluster-require-full-coverage", "no",
            "--repl-diskless-sync-delay", 0, *options))
            for number in range(count)]
        self.masters = self.nodes[:masters]
        self.replicas = self.nodes[masters:2 * masters] if replicas else []
        self.spare = self.nodes[count - spare:]
        self._share_slots()
        for number, node in enumerate(self.nodes[1:], 2):
            node.cli("cluster", "set-config-epoch", number)
        self._meet(bus)
        for master, replica in zip(self.masters, self.replicas):
            replica.cli("cluster", "replicate", self.id(master))
        self.wait_whole()
        for replica in self.replicas:
            wait_until(lambda one=replica: "master_link_status:up"
                       in one.cli("info", "replication"), 15, "it follows")

    def _share_slots(self):
        share = SLOTS // len(self.masters) + 1
        for number, master in enumerate(self.masters):
            first = number * share
            master.cli("cluster", "addslotsrange", first,
                       min(first + share, SLOTS) - 1)

    def _know_each_other(self):
        return all(f"cluster_known_nodes:{len(self.nodes)}"
                   in node.cli("cluster", "info") for node in self.nodes)

    def _meet(self, bus):
        """A handshake that takes longer than the node timeout is forgotten:
        then once more."""
        met = 0.0

        def have_met():
            nonlocal met
            if self._know_each_other():
                return True
            if time.monotonic() > met + 2:
                met = time.monotonic()
                for node, port in zip(self.nodes[1:], bus[1:]):
                    self.nodes[0].cli(
                        "cluster", "meet", "127.0.0.1",
                        getattr(node, "tls_port", node.port), port)
            return False
        wait_until(have_met, 30, "they have met")

    def wait_whole(self, nodes=None):
        for node in nodes or self.nodes:
            wait_until(
                lambda one=node: "cluster_state:ok" in
                one.cli("cluster", "info") and f"cluster_slots_ok:{SLOTS}"
                in one.cli("cluster", "info"), 20,
                lambda one=node: one.cli("cluster", "info"))

    @property
    def url(self):
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"redis+cluster://{hosts}"

    def id(self, node):
        return node.cli("cluster", "myid").strip()

    def slot(self, key):
        return int(self.nodes[0].cli("cluster", "keyslot", key))

    def owner(self, key, among=None):
        """The master that has this key's slot."""
        return self.owner_of_slot(self.slot(key), among)

    def owner_of_slot(self, slot, among=None):
        for line in (among or self.nodes)[0].cli("cluster", "nodes").splitlines():
            fields = line.split()
            if "master" not in fields[2] or "fail" in fields[2].split(","):
                continue
            for part in fields[8:]:
                first, _, last = part.partition("-")
                if first.isdigit() and int(first) <= slot <= int(last or first):
                    port = int(fields[1].split("@")[0].rsplit(":", 1)[1])
                    return next(n for n in self.nodes if n.port == port)
        return None

    def begin_move(self, slot, source, target):
        target.cli("cluster", "setslot", slot, "importing", self.id(source))
        source.cli("cluster", "setslot", slot, "migrating", self.id(target))

    def move_keys(self, slot, source, target):
        while True:
            keys = source.cli("cluster", "getkeysinslot", slot, 10).split()
            if not keys:
                return
            for key in keys:
                source.cli("migrate", "127.0.0.1", target.port, key, 0, 5000)

    def end_move(self, slot, source, target):
        for node in (target, source, *self.masters):
            node.cli("cluster", "setslot", slot, "node", self.id(target))
