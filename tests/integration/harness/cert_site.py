"""A Postfix whose certificates come from a policyd."""
import json
import os
import subprocess

from .authority import acme_json
from .policyd import Policyd
from .ports import free_port
from .postfix import Postfix
from .wait import PATIENCE

NAME = "mail.example.com"


# row: Traefik
class Acme:
    """Traefik's acme.json; written in place, as Traefik does."""

    def __init__(self, directory):
        directory.mkdir()
        self.path = directory / "acme.json"
        self.source = f"traefik:{self.path}"

    def write_text(self, text):
        descriptor = os.open(
            self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)

    def write(self, *issued, name=NAME):
        self.write_text(json.dumps(acme_json(
            *[(name, [], one) for one in issued])))


class CertSite:
    """main: more for main.cf; more: more for the certificate section; ports:
    of Postfix, if they have to be known before."""

    def __init__(self, place, keep, source, *, name=NAME, postfix=True,
                 main=None, more=None, ports=None, services=None, **policyd):
        self.tls = place / "tls"
        self.sni = place / "sni"
        section = {"source": source,
                   "default_chain": self.tls / "default.pem",
                   "refresh_map": self.tls / "refresh.cdb", **(more or {})}
        self.policyd = keep(Policyd(
            place / "policyd", [f"sni:unix:{self.sni}"],
            sections=[("certificate", name, section)], **policyd))
        if not postfix:
            return
        port, wrapped = ports or (free_port(), free_port())
        self.smtps = ("127.0.0.1", wrapped)
        self.postfix = keep(Postfix(
            place / "postfix", port=port, services={
                f"127.0.0.1:{port}": "",
                f"127.0.0.1:{wrapped}": "-o smtpd_tls_wrappermode=yes",
                **(services or {})}, main={
                "smtpd_tls_security_level": "may",
                "smtpd_tls_chain_files": self.tls / "default.pem",
                "tls_server_sni_maps": f"socketmap:unix:{self.sni}:sni",
                "smtpd_milter_maps": f"cdb:{self.tls}/refresh",
                **(main or {})}))
        self.postfix.start()
        self.server = self.postfix.server

    def log(self):
        return self.policyd.process.text()


def s_client(server, name=None):
    """What openssl's own client says of the certificate it is served."""
    host = f"{server[0]}:{server[1]}"
    sni = ["-servername", name] if name else ["-noservername"]
    done = subprocess.run(
        ["openssl", "s_client", "-connect", host, "-starttls", "smtp", *sni],
        input="QUIT\r\n", capture_output=True, text=True,
        timeout=20 * PATIENCE, check=False)
    assert "-----BEGIN CERTIFICATE-----" in done.stdout, done.stderr
    return done.stdout
