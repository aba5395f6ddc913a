"""TLS handshakes that tell which certificate was served."""
import hashlib
import socket
import ssl

ONLY = {"rsa": "ECDHE-RSA-AES256-GCM-SHA384",
        "ecdsa": "ECDHE-ECDSA-AES256-GCM-SHA384"}


def context_for(only=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if only:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ONLY[only])
    return context


def _line(file):
    while True:
        line = file.readline()
        if line[3:4] != b"-":
            return line[:3].decode()


class TlsSession:
    """An SMTP session under TLS; fingerprint: of the leaf, SHA-256, hex."""

    def __init__(self, server, name=None, only=None, wrapped=False,
                 timeout=20):
        self._plain = socket.create_connection(server, timeout)
        try:
            if not wrapped:
                self._start_tls()
            self.tls = context_for(only).wrap_socket(
                self._plain, server_hostname=name)
        except BaseException:
            self._plain.close()
            raise
        self._file = self.tls.makefile("rb")
        if wrapped:
            assert _line(self._file) == "220"
        self.fingerprint = hashlib.sha256(
            self.tls.getpeercert(binary_form=True)).hexdigest()

    def _start_tls(self):
        with self._plain.makefile("rb", buffering=0) as file:
            for command in (None, b"EHLO client.example", b"STARTTLS"):
                if command:
                    self._plain.sendall(command + b"\r\n")
                code = _line(file)
                assert code in ("220", "250"), (command, code)

    def command(self, line):
        self.tls.sendall(line.encode() + b"\r\n")
        return _line(self._file)

    def close(self):
        self._file.close()
        self.tls.close()

    def quit(self):
        self.command("QUIT")
        self.close()


def served(server, name=None, **options):
    """The fingerprint of a session that ends properly."""
    session = TlsSession(server, name, **options)
    session.quit()
    return session.fingerprint
