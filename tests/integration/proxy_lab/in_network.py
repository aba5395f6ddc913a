"""A Postfix on the lab's mail host."""
import re
import subprocess

from harness.postfix import Postfix
from harness.wait import PATIENCE


class PostfixInNetwork(Postfix):
    def __init__(self, network, directory, **more):
        self.network = network
        self.before = network.command("mail")
        super().__init__(directory, **more)

    def _accepts(self):
        with self.network.inside("mail"):
            return super()._accepts()

    def queued_from(self, sender):
        """How many messages of that sender are in the queue or were."""
        return len(re.findall(rf"qmgr.*: from=<{re.escape(sender)}>",
                              self.log.text()))


def make_certificate(directory):
    path = directory / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=mail.example",
         "-keyout", str(path), "-out", str(directory / "crt.pem"), "-days",
         "2"], check=True, capture_output=True,
        timeout=60 * PATIENCE)
    with open(path, "a", encoding="ascii") as file:
        file.write((directory / "crt.pem").read_text())
    return path
