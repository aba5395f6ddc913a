"""The files that say how names are resolved, a program's own ones."""


class OwnNames:
    """before: a command that ends in executing the rest, which finds these
    in /etc. A change is made in place, and seen at once."""

    def __init__(self, place, servers=(), options="", hosts=()):
        self._hosts, self._resolv = place / "hosts", place / "resolv.conf"
        self._nsswitch = place / "nsswitch.conf"
        self.point(servers, options)
        self.write_hosts(*hosts)
        self._nsswitch.write_text("hosts: files dns\n")
        mounts = " && ".join(
            f"mount --bind {file} /etc/{file.name}"
            for file in (self._hosts, self._resolv, self._nsswitch))
        self.before = ["unshare", "--mount", "sh", "-c",
                       f'{mounts} && exec "$@"', "sh"]

    def point(self, servers, options=""):
        """resolv.conf: these servers, and more lines."""
        self._resolv.write_text("".join(
            f"nameserver {server}\n" for server in servers) + options + "\n")

    def write_hosts(self, *lines):
        self._hosts.write_text("\n".join(
            ["127.0.0.1 localhost", *lines]) + "\n")

    def write_nsswitch(self, hosts):
        self._nsswitch.write_text(f"hosts: {hosts}\n")
