"""docker/compose/simplelogin: its tollgate.conf and its lines of main.cf, beside
a Postfix without cdb, while Traefik fills one of its two files and renews."""
import json
import os
from pwd import getpwnam

from harness.authority import Authority, acme_json
from harness.cert_site import s_client
from harness.policyd import TOP, Policyd
from harness.ports import free_port
from harness.postfix import Postfix
from harness.wait import wait_until

FOLDER = TOP / "docker/compose/simplelogin"
NAME = "app.alias.example"
BUSY_S = 10


class Shipped(Policyd):
    """With the folder's tollgate.conf, but for the places that are a
    container's."""

    def __init__(self, place):
        self._place = place
        super().__init__(place / "policyd", [], before=[
            "env", f"SSL_DOMAIN={NAME}", f"POSTFIX_UID={getpwnam('postfix').pw_uid}"])

    def write_config(self, **_):
        text = (FOLDER / "tollgate.conf").read_text()
        for old, new in {
                "/acme/": f"{self._place}/acme/",
                "/run/tollgate/": f"{self._place}/",
                "/var/lib/tollgate/": f"{self._place}/",
                "0.0.0.0:9309": f"127.0.0.1:{self.http_port}",
                "policyd {": f'policyd {{\n  control = "{self.control}"'
        }.items():
            assert old in text
            text = text.replace(old, new)
        self.config.write_text(
            'user = "nobody"\ngroup = "nogroup"\n' + text)


class Site:
    def __init__(self, place, keep):
        self.place = place
        (place / "acme").mkdir(mode=0o700)
        self.put("acme-tls.json", "")
        self.policyd = keep(Shipped(place))
        port = free_port()
        self.postfix = keep(Postfix(
            place / "postfix", port=port,
            services={f"127.0.0.1:{port}": ""},
            main={"smtpd_tls_security_level": "may", "max_use": 3,
                  **self.template()}))

    def put(self, name, text):
        """In place and private, as Traefik does."""
        descriptor = os.open(self.place / "acme" / name,
                             os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(text)

    def fill(self, challenge, issued, name=NAME):
        self.put(f"acme-{challenge}.json", json.dumps(
            acme_json((name, [], issued), resolver=challenge)))

    def template(self):
        text = (FOLDER / "98-icf-tollgate.tpl").read_text()
        for old in ("/var/lib/tollgate/", "/run/tollgate/"):
            text = text.replace(old, f"{self.place}/")
        return dict(line.split(" = ") for line in text.splitlines()
                    if "=" in line)

    def is_healthy(self):
        """As compose.yaml's health check."""
        path = self.place / "tls/default.pem"
        return path.exists() and path.stat().st_size > 0

    def serves(self, issued, name=NAME):
        wait_until(lambda: issued.certificates[0].strip() in
                   s_client(self.postfix.server, name), BUSY_S,
                   self.policyd.process.text)


def test_the_certificate_s_life(place, keep):
    place.chmod(0o755)
    authority = Authority(place / "ca")
    site = Site(place, keep)
    # Nothing yet, and then the file of one challenge: Postfix may start.
    assert not site.is_healthy()
    first = authority.issue(NAME, start=-2)
    site.fill("dns", first)
    wait_until(site.is_healthy, BUSY_S, site.policyd.process.text)
    site.postfix.start()
    master = site.postfix.master_pid()
    site.serves(first)
    # Renewed, and then by the other challenge, for all names of the domain.
    for challenge, name, start in (("dns", NAME, -1),
                                   ("tls", "*.alias.example", 0)):
        new = authority.issue(name, start=start)
        site.fill(challenge, new, name)
        site.serves(new)
        # Clients that name no server, from the next smtpd.
        site.serves(new, None)
    assert site.postfix.master_pid() == master
    assert "warn: certificate" not in site.policyd.process.text().split(
        "acme-dns.json")[-1]
