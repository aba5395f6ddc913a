"""A private Redis that speaks TLS too, with certificates of the test's own."""
from .ports import free_port
from .redis_server import RedisServer


class TlsFiles:
    """PEM files that a program is pointed to; write() puts others there."""

    def __init__(self, directory, authority, issued):
        directory.mkdir()
        directory.chmod(0o755)
        self.ca = directory / "ca.pem"
        self.cert = directory / "cert.pem"
        self.key = directory / "key.pem"
        self.write(authority, issued)

    def write(self, authority, issued):
        for path, text in ((self.ca, authority.root),
                           (self.cert, issued.chain), (self.key, issued.key)):
            path.write_text(text)
            path.chmod(0o644)

    def as_client(self, **more):
        """tollgate.conf's options."""
        return {"store_tls_ca_file": self.ca, "store_tls_cert_file": self.cert,
                "store_tls_key_file": self.key, **more}

    def as_server(self):
        """Redis's options."""
        return ["--tls-cert-file", self.cert, "--tls-key-file", self.key,
                "--tls-ca-cert-file", self.ca]


class TlsRedisServer(RedisServer):
    def __init__(self, directory, files, *options, clients="no"):
        self.tls_port = free_port()
        super().__init__(directory, "--tls-port", self.tls_port,
                         "--tls-auth-clients", clients, *files.as_server(),
                         *options)

    @property
    def tls_url(self):
        return f"rediss://127.0.0.1:{self.tls_port}"
