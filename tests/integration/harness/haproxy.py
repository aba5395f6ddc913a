"""A private HAProxy that passes SMTP on with a PROXY header."""
from .ports import is_taken
from .process import Process
from .wait import wait_until

CONFIG = """\
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen smtp
    bind {address}:{port}
    server postfix {to_address}:{to_port} {header} source {address} {more}
"""


class Haproxy:
    """Listens at server, and comes to Postfix from the same address. more:
    options of its `server` line."""

    def __init__(self, directory, server, to_server, more="",
                 header="send-proxy-v2"):
        directory.mkdir()
        self.server = server
        config = directory / "haproxy.cfg"
        config.write_text(CONFIG.format(
            address=server[0], port=server[1],
            to_address=to_server[0], to_port=to_server[1], more=more,
            header=header))
        self.process = Process(["/usr/sbin/haproxy", "-db", "-f", config],
                               directory / "haproxy.log")
        wait_until(self._accepts, 10,
                   lambda: f"haproxy accepts:\n{self.process.text()}")

    def _accepts(self):
        assert self.process.is_running(), self.process.text()
        return is_taken(self.server)

    def close(self):
        self.process.close()
