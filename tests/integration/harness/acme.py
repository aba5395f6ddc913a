"""ACME clients as they are, against pebble, Let's Encrypt's CA for tests."""
import hashlib
import json
import os
import socket
import ssl
import stat
import subprocess
import threading

from .authority import openssl
from .cert_site import NAME
from .ports import free_port
from .process import Process
from .socketmap import Socketmap
from .wait import PATIENCE, wait_until


class Pebble:
    """Believes that each challenge was answered: names need not lead here.
    bundle: what signs its own HTTPS."""

    def __init__(self, place):
        place.mkdir()
        port, management = free_port(), free_port()
        self.address = ("127.0.0.1", port)
        self.url = f"https://localhost:{port}/dir"
        self.bundle = place / "cert.pem"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 30,
                "-subj", "/CN=localhost", "-keyout", place / "key.pem",
                "-out", self.bundle, "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext",
                "keyUsage=critical,digitalSignature,keyCertSign")
        config = place / "pebble.json"
        config.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{port}",
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(self.bundle),
            "privateKey": str(place / "key.pem"),
            "httpPort": free_port(), "tlsPort": free_port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False}}))
        self.process = Process(
            ["pebble", "-config", config], place / "log", env={
                "PEBBLE_VA_ALWAYS_VALID": "1", "PEBBLE_VA_NOSLEEP": "1",
                "PEBBLE_WFE_NONCEREJECT": "0"})
        try:
            wait_until(self._answers, 20, self.process.text)
        except BaseException:
            self.close()
            raise

    def _answers(self):
        try:
            socket.create_connection(self.address, 5).close()
            return True
        except ConnectionRefusedError:
            return False

    def close(self):
        self.process.close()


class Tool:
    """A client in a folder of its own. source: what policyd is told;
    certificate, and others of other key types, and key: what is live;
    key_mode, and folder_mode of the folder with the key: what the tool itself
    makes of them."""

    key_mode = 0o600
    folder_mode = 0o700
    others = ()

    def __init__(self, place, pebble):
        self.place, self.pebble = place / "tool", pebble
        self.place.mkdir()

    def run(self, *argv, **more):
        """To its end; its standard output."""
        done = subprocess.run(
            [str(it) for it in argv], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300 * PATIENCE,
            check=False, cwd=self.place, env=self.environment(), **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def environment(self):
        bundle = str(self.pebble.bundle)
        return {**os.environ, "HOME": str(self.place),
                "LEGO_CA_CERTIFICATES": bundle, "SSL_CERT_FILE": bundle,
                "CURL_CA_BUNDLE": bundle, "REQUESTS_CA_BUNDLE": bundle}

    def leafs(self):
        """As answers of the socketmap name them."""
        return sorted(self._leaf(it)
                      for it in (self.certificate, *self.others))

    @staticmethod
    def _leaf(path):
        leaf = path.read_text().partition("-----END")[0]
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(
            leaf + "-----END CERTIFICATE-----\n")).hexdigest()

    def modes(self):
        """Of the key and of its folder, links followed."""
        key = self.key.resolve()
        return [stat.S_IMODE(it.stat().st_mode) for it in (key, key.parent)]

    def close(self):
        pass


# row: lego
class Lego(Tool):
    """In place, one file after the other."""

    def __init__(self, place, pebble):
        super().__init__(place, pebble)
        folder = self.place / "certificates"
        self.certificate = folder / f"{NAME}.crt"
        self.key = folder / f"{NAME}.key"
        self.source = f"pem:{self.certificate},{self.key}"

    def lego(self, *command):
        self.run("lego", "--path", self.place, "--server", self.pebble.url,
                 "--accept-tos", "--email", "a@example.com", "--domains", NAME,
                 "--http", "--http.port", f"127.0.0.1:{free_port()}", *command)

    def issue(self):
        self.lego("run")

    def renew(self):
        self.lego("renew", "--days", "9999", "--no-random-sleep")


# row: acme-tiny
class AcmeTiny(Tool):
    """Prints the certificate; the shell empties the file before it asks."""

    folder_mode = 0o755

    def __init__(self, place, pebble):
        super().__init__(place, pebble)
        self.certificate = self.place / "signed.crt"
        self.key = self.place / "domain.key"
        self.source = f"pem:{self.certificate},{self.key}"
        (self.place / "challenges").mkdir()
        openssl("genrsa", "-out", self.place / "account.key", "2048")
        # As its manual does it.
        openssl("ecparam", "-genkey", "-name", "prime256v1",
                "-out", self.key)
        self.key.chmod(self.key_mode)
        openssl("req", "-new", "-key", self.key, "-subj", "/", "-addext",
                f"subjectAltName=DNS:{NAME}", "-out", self.place / "csr")

    def issue(self):
        self.run("sh", "-c", "acme-tiny --account-key account.key --csr csr "
                 "--acme-dir challenges --disable-check --directory-url "
                 f"{self.pebble.url} >signed.crt")

    renew = issue


class Watch:
    """Asks all the time what is served, from its making to its end; answers:
    what was said, each once until another came."""

    def __init__(self, path):
        self._map = Socketmap(path)
        self._stop = threading.Event()
        self.answers = []
        self._look()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _look(self):
        answer = sorted(self._map.fingerprints(NAME))
        if self.answers[-1:] != [answer]:
            self.answers.append(answer)

    def _run(self):
        while not self._stop.wait(0.002):
            self._look()

    def close(self):
        self._stop.set()
        self._thread.join()
        with self._map:
            self._look()
