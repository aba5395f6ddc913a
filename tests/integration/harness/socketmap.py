"""The SNI face as Postfix's socketmap client uses it."""
import base64
import hashlib
import re
import socket
import ssl


class Socketmap:
    def __init__(self, path, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self._file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """One netstring; "" at the end."""
        digits = b""
        while not digits.endswith(b":"):
            byte = self._file.read(1)
            if not byte:
                return ""
            digits += byte
        text = self._file.read(int(digits[:-1]))
        assert self._file.read(1) == b","
        return text.decode()

    def ask(self, key):
        text = f"sni {key}".encode()
        self.send(b"%d:%s," % (len(text), text))
        return self.receive()

    def fingerprints(self, key):
        """Of the leafs in the answer; none: NOTFOUND."""
        answer = self.ask(key)
        if answer == "NOTFOUND ":
            return []
        status, _, blob = answer.partition(" ")
        assert status == "OK", answer
        pem = base64.b64decode(blob, validate=True).decode()
        assert pem.startswith("-----BEGIN PRIVATE KEY-----")
        leafs = re.findall(
            r"-----END PRIVATE KEY-----\n"
            r"(-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n)",
            pem, re.DOTALL)
        return [hashlib.sha256(ssl.PEM_cert_to_DER_cert(leaf)).hexdigest()
                for leaf in leafs]

    def close(self):
        self._file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def asked(path, key):
    with Socketmap(path) as map_:
        return map_.fingerprints(key)
