"""The clients of Debian 12 that take longer, or listen at ports of their
own."""
import json
import pathlib

from harness.acme import Tool
from harness.cert_site import NAME
from harness.process import Process
from harness.wait import wait_until

LONG_S = 120
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


class System(Tool):
    """Knows no other way to the certificates of authorities than the
    system's own."""

    def believing(self, *argv):
        return ["unshare", "--mount", "sh", "-c", f"mount --bind "
                f'{self.pebble.bundle} {SYSTEM_BUNDLE} && exec "$@"', "sh",
                *map(str, argv)]

    def run(self, *argv):
        return super().run(*self.believing(*argv))


# row: certbot
class Certbot(Tool):
    """live/NAME links into archive/NAME; for each kind in turn the link is
    removed and made again."""

    def __init__(self, place, pebble):
        super().__init__(place, pebble)
        live = self.place / "live"
        self.certificate = live / NAME / "fullchain.pem"
        self.key = live / NAME / "privkey.pem"
        self.source = f"certbot:{live}"
        self.folder_mode = 0o755  # live/ and archive/ are for root alone

    def certbot(self, *command):
        self.run("certbot", *command, "--non-interactive", "--server",
                 self.pebble.url, "--config-dir", self.place, "--work-dir",
                 self.place / "work", "--logs-dir", self.place / "logs")

    def order(self, *more):
        self.certbot("certonly", "--agree-tos", "--email", "a@example.com",
                     "--standalone", "--domains", NAME, *more)

    def issue(self):
        self.order()
        assert (self.place / "live").stat().st_mode & 0o777 == 0o700

    def renew(self):
        self.certbot("renew", "--force-renewal",
                     "--no-random-sleep-on-renew")

    def turn_to_rsa(self):
        self.order("--cert-name", NAME, "--key-type", "rsa",
                   "--force-renewal")


# row: certbot, two key types
class CertbotTwice(Certbot):
    """Two lineages."""

    def __init__(self, place, pebble):
        super().__init__(place, pebble)
        self.others = [self.place / "live" / f"{NAME}-rsa" / "fullchain.pem"]

    def issue(self):
        super().issue()
        self.order("--cert-name", f"{NAME}-rsa", "--key-type", "rsa")


# row: dehydrated
class Dehydrated(Tool):
    """Links replaced by rename; each file has the time in its name."""

    def __init__(self, place, pebble):
        super().__init__(place, pebble)
        certs = self.place / "certs"
        self.certificate = certs / NAME / "fullchain.pem"
        self.key = certs / NAME / "privkey.pem"
        self.source = f"certbot:{certs}"
        (self.place / "challenges").mkdir()
        (self.place / "config").write_text(
            f"CA={pebble.url}\nBASEDIR={self.place}\nKEYSIZE=2048\n"
            f"WELLKNOWN={self.place}/challenges\n")

    def dehydrated(self, *command):
        self.run("dehydrated", "--config", self.place / "config", *command)

    def issue(self):
        self.dehydrated("--register", "--accept-terms")
        self.dehydrated("--cron", "--domain", NAME)

    def renew(self):
        self.dehydrated("--cron", "--domain", NAME, "--force")


# row: uacme
class Uacme(System):
    """The certificate by rename, the key kept."""

    key_mode = 0o400

    def __init__(self, place, pebble):
        super().__init__(place, pebble)
        self.certificate = self.place / NAME / "cert.pem"
        self.key = self.place / "private" / NAME / "key.pem"
        self.source = f"pem:{self.certificate},{self.key}"

    def uacme(self, *command):
        self.run("uacme", "--acme-url", self.pebble.url, "--confdir",
                 self.place, "--hook", "/bin/true", "--yes", *command)

    def issue(self):
        self.uacme("new", "a@example.com")
        self.uacme("issue", NAME)

    def renew(self):
        self.uacme("--force", "issue", NAME)


# row: acmetool
class Acmetool(System):
    """A new folder, and the link live/NAME to it."""

    def __init__(self, place, pebble):
        super().__init__(place, pebble)
        live = self.place / "live" / NAME
        self.certificate = live / "fullchain"
        self.key = live / "privkey"
        self.source = f"pem:{self.certificate},{self.key}"
        (self.place / "conf").mkdir()
        (self.place / "answers").write_text(
            'acme-enter-email: "a@example.com"\n'
            '"acme-agreement:data:text/plain,'
            'Do%20what%20thou%20wilt": true\n')
        (self.place / "conf" / "target").write_text(json.dumps({"request": {
            "provider": self.pebble.url, "key": {"type": "ecdsa"},
            "challenge": {"http-self-test": False}}}))

    def acmetool(self, *command):
        self.run("acmetool", "--state", self.place, "--batch",
                 "--response-file", self.place / "answers", *command)

    def issue(self):
        self.acmetool("want", NAME)

    def renew(self):
        """It asks for a new one when a name is new."""
        self.acmetool("want", NAME, f"www.{NAME}")


class Server(System):
    """Renews while it runs: each change is waited for."""

    process = None

    def serve(self, *argv):
        self.close()
        self.process = Process(self.believing(*argv), self.place / "log",
                               env=self.environment())

    def wait_for_other_than(self, old):
        wait_until(lambda: self.certificate.exists() and
                   self.leafs() != old, LONG_S, self.process.text)

    def close(self):
        """Asked first: Apache's children would outlive it."""
        if self.process is None:
            return
        try:
            if self.process.is_running():
                self.process.terminate()
        finally:
            self.process.close()


# row: Caddy, certmagic
class Caddy(Server):
    """certmagic: each file by rename, the key first; its folders are for
    their owner alone."""

    def __init__(self, place, pebble):
        super().__init__(place, pebble)
        self.data = self.place / "data"
        self.folder = self.data / "certificates" / \
            f"localhost-{pebble.address[1]}-dir" / NAME
        self.certificate = self.folder / f"{NAME}.crt"
        self.key = self.folder / f"{NAME}.key"
        self.source = f"caddy:{self.data}"

    def start(self, ratio, old):
        config = self.place / "caddy.json"
        config.write_text(json.dumps({
            "admin": {"disabled": True},
            "storage": {"module": "file_system", "root": str(self.data)},
            "apps": {
                "http": {"servers": {"one": {
                    "listen": [":443"], "routes": [
                        {"match": [{"host": [NAME]}]}]}}},
                "tls": {"automation": {"policies": [{
                    "subjects": [NAME], "renewal_window_ratio": ratio,
                    "issuers": [{"module": "acme", "ca": self.pebble.url,
                                 "email": "a@example.com"}]}]}}}}))
        self.serve("caddy", "run", "--config", config)
        self.wait_for_other_than(old)

    def issue(self):
        self.start(0.3, None)

    def renew(self):
        self.start(1.0, self.leafs())


# row: Apache mod_md
class ModMd(Server):
    """Fills a folder beside, which changes place with the one in use when
    Apache is told to be graceful."""

    more = ""
    modules = pathlib.Path("/usr/lib/apache2/modules")

    def __init__(self, place, pebble):
        super().__init__(place, pebble)
        self.store = self.place / "md"
        folder = self.store / "domains" / NAME
        self.certificate = folder / "pubcert.pem"
        self.key = folder / "privkey.pem"
        self.source = f"pem:{self.certificate},{self.key}"

    def write_config(self, *names):
        modules = ["mpm_event", "authz_core", "socache_shmcb", "ssl", "md"]
        loads = "\n".join(f"LoadModule {name}_module "
                          f"{self.modules}/mod_{name}.so" for name in modules)
        (self.place / "apache.conf").write_text(f"""
ServerName {NAME}
ServerRoot {self.place}
PidFile {self.place}/pid
ErrorLog /dev/stderr
User nobody
Group nogroup
{loads}
Listen 80
Listen 443
MDStoreDir {self.store}
MDCertificateAuthority {self.pebble.url}
MDCertificateAgreement accepted
MDContactEmail a@example.com
{self.more}
MDomain {' '.join(names)}
<VirtualHost *:443>
ServerName {NAME}
ServerAlias {' '.join(names)}
SSLEngine on
</VirtualHost>
""")

    def _take(self, old):
        """Filled, then put into use."""
        wait_until(self._is_renewed, LONG_S, self._log)
        self.run("apache2", "-f", self.place / "apache.conf", "-k", "graceful")
        self.wait_for_other_than(old)

    def _is_renewed(self):
        job = self.store / "staging" / NAME / "job.json"
        return job.exists() and json.loads(job.read_text()).get("finished")

    def _log(self):
        return self.process.text()

    def issue(self):
        self.write_config(NAME)
        self.serve("apache2", "-DFOREGROUND", "-f",
                   self.place / "apache.conf")
        self._take(None)

    def renew(self):
        """It asks for a new one when a name is new."""
        self.write_config(NAME, f"www.{NAME}")
        self.run("apache2", "-f", self.place / "apache.conf", "-k", "graceful")
        self._take(self.leafs())


# row: mod_md, two key types
class ModMdTwice(ModMd):
    more = "MDPrivateKeys secp256r1 rsa2048"

    def __init__(self, place, pebble):
        super().__init__(place, pebble)
        folder = self.certificate.parent
        other = folder / "pubcert.secp256r1.pem"
        self.others = [other]
        self.source = [self.source,
                       f"pem:{other},{folder}/privkey.secp256r1.pem"]
