"""A certificate authority for tests, by the openssl program: a root, an
intermediate, and leaves of any names, key and dates."""
import base64
import datetime
import hashlib
import itertools
import re
import ssl
import subprocess

from .wait import PATIENCE

CONFIG = """
[ca]
default_ca = it
[it]
dir = {directory}
database = {directory}/index
new_certs_dir = {directory}/new
rand_serial = yes
default_md = {digest}
default_days = 90
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = optional
[req]
distinguished_name = none
prompt = no
[none]
[authority]
basicConstraints = critical, CA:true
keyUsage = keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:false
"""

KEYS = {
    "ec": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "brainpool": ["-algorithm", "EC", "-pkeyopt",
                  "ec_paramgen_curve:brainpoolP256r1"],
    "secp256k1": ["-algorithm", "EC", "-pkeyopt",
                  "ec_paramgen_curve:secp256k1"],
    "explicit": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-pkeyopt", "ec_param_enc:explicit"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "rsapss": ["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ed25519": ["-algorithm", "ED25519"],
    "mldsa": ["-algorithm", "ML-DSA-65"],
}


def openssl(*arguments, stdin=None):
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=stdin, capture_output=True,
        text=True, timeout=60 * PATIENCE, check=False)
    assert done.returncode == 0, f"openssl {arguments}: {done.stderr}"
    return done.stdout


def stamp(days):
    when = datetime.datetime.now(datetime.timezone.utc) + \
        datetime.timedelta(days=days)
    return when.strftime("%Y%m%d%H%M%SZ")


class Issued:
    """chain: PEM, the leaf first; key: PEM. fingerprint: SHA-256, hex."""

    def __init__(self, chain, key):
        self.chain = chain
        self.key = key
        self.certificates = re.findall(
            r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n",
            chain, re.DOTALL)
        self.fingerprint = hashlib.sha256(
            ssl.PEM_cert_to_DER_cert(self.certificates[0])).hexdigest()

    @property
    def combined(self):
        return self.key + self.chain


class Authority:
    def __init__(self, directory, name="Test authority"):
        self.directory = directory
        directory.mkdir()
        (directory / "new").mkdir()
        self._numbers = itertools.count()
        self._keys = {}
        self._write_config("sha256")
        root = self._sign("Test root", "authority", None, 3650)
        self._root = root
        self._intermediate = self._sign(name, "authority", root, 1800)

    def _write_config(self, digest):
        self.config = self.directory / "openssl.cnf"
        self.config.write_text(CONFIG.format(directory=self.directory,
                                             digest=digest))
        (self.directory / "index").write_text("")

    def key(self, kind):
        return openssl("genpkey", *KEYS[kind])

    def _sign(self, common_name, extensions, issuer, days, *, start=-1,
              names=(), key=None, usage=None):
        number = next(self._numbers)
        base = self.directory / str(number)
        key = key or self.key("ec")
        (base.with_suffix(".key")).write_text(key)
        extra = []
        if names:
            extra += ["-addext", "subjectAltName = " + ", ".join(
                name if ":" in name else f"DNS:{name}" for name in names)]
        if usage:
            extra += ["-addext", f"extendedKeyUsage = {usage}"]
        openssl("req", "-new", "-config", self.config, "-key",
                base.with_suffix(".key"), "-subj", f"/CN={common_name}",
                "-out", base.with_suffix(".csr"), *extra)
        by = ["-selfsign", "-keyfile", base.with_suffix(".key")] \
            if issuer is None else \
            ["-cert", issuer[0], "-keyfile", issuer[1]]
        openssl("ca", "-batch", "-notext", "-config", self.config,
                "-extensions", extensions, *by,
                "-in", base.with_suffix(".csr"),
                "-out", base.with_suffix(".pem"),
                "-startdate", stamp(start), "-enddate", stamp(days))
        return base.with_suffix(".pem"), base.with_suffix(".key")

    def issue(self, *names, kind="ec", days=90, start=-1, key=None,
              usage=None, digest="sha256"):
        """A name may also be "IP:192.0.2.1"."""
        if digest != "sha256":
            self._write_config(digest)
        leaf, key_path = self._sign(
            names[0].replace("*", "any").replace(":", "-"), "leaf",
            self._intermediate, days, start=start, names=names,
            key=key or self.key(kind), usage=usage)
        if digest != "sha256":
            self._write_config("sha256")
        chain = leaf.read_text() + self._intermediate[0].read_text()
        return Issued(chain, key_path.read_text())

    @property
    def intermediate(self):
        return self._intermediate[0].read_text()

    @property
    def root(self):
        return self._root[0].read_text()


def encode(text):
    return base64.b64encode(text.encode()).decode()


def acme_json(*entries, resolver="le"):
    """Traefik 2 and 3; an entry: (main, sans, Issued)."""
    return {resolver: {"Account": None, "Certificates": [
        {"domain": {"main": main, **({"sans": sans} if sans else {})},
         "certificate": encode(issued.chain), "key": encode(issued.key),
         "Store": "default"}
        for main, sans, issued in entries]}}
