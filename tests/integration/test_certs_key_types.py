"""Key types as Postfix and its clients take them: what is served beside what,
shown by handshakes with a real smtpd."""
import base64
import hashlib
import re
import ssl
import subprocess

import pytest

from harness.authority import KEYS, Authority
from harness.cert_site import NAME, CertSite
from harness.socketmap import asked
from harness.wait import PATIENCE, wait_until

BUSY_S = 10
# A client of ten years ago: TLS 1.2, RSA and ECDSA.
OLD = ["-tls1_2", "-sigalgs", "RSA+SHA256:ECDSA+SHA256"]


@pytest.fixture(scope="module")
def authority(places):
    return Authority(places / "ca")


def knows_ml_dsa():
    done = subprocess.run(["openssl", "genpkey", *KEYS["mldsa"]],
                          capture_output=True, check=False)
    return done.returncode == 0


class Site:
    """A section with one combined file for each key type."""

    def __init__(self, place, keep, authority, *kinds):
        self.issued = {kind: authority.issue(NAME, kind=kind)
                       for kind in kinds}
        self.place = place
        for kind, one in self.issued.items():
            self.put(kind, one.combined)
        self.cert_site = CertSite(
            place, keep, [f"combined:{place}/{kind}.pem" for kind in kinds])

    def put(self, kind, text):
        path = self.place / f"{kind}.pem"
        path.touch(mode=0o600)
        path.write_text(text)

    def serves(self, *kinds):
        expected = sorted(self.issued[kind].fingerprint for kind in kinds)
        wait_until(lambda: sorted(asked(self.cert_site.sni, NAME)) == expected,
                   BUSY_S, self.cert_site.log)

    def gets(self, *options):
        """The kind that a client is served, by name and without."""
        got = {self._handshake(sni, options)
               for sni in (["-servername", NAME], ["-noservername"])}
        assert len(got) == 1, got
        return got.pop()

    def _handshake(self, sni, options):
        host = "{}:{}".format(*self.cert_site.server)
        done = subprocess.run(
            ["openssl", "s_client", "-connect", host, "-starttls", "smtp",
             *sni, *options],
            input="QUIT\r\n", capture_output=True, text=True,
            timeout=20 * PATIENCE, check=False)
        leaf = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END "
                         r"CERTIFICATE-----", done.stdout, re.DOTALL)
        assert leaf, done.stdout + done.stderr
        digest = hashlib.sha256(
            ssl.PEM_cert_to_DER_cert(leaf.group())).hexdigest()
        return next(kind for kind, one in self.issued.items()
                    if one.fingerprint == digest)


def test_one_ec_pair_of_several(authority, place, keep):
    """smtpd switches TLS off where a chain file holds two of them."""
    site = Site(place, keep, authority, "p521", "p384", "ec")
    wait_until(lambda: len(asked(site.cert_site.sni, NAME)) == 1, BUSY_S,
               site.cert_site.log)
    chain = (place / "tls" / "default.pem").read_text()
    assert chain.count("PRIVATE KEY") == 2  # the lines around one key
    assert site.gets() != "p521"


def test_p521_is_served(authority, place, keep):
    site = Site(place, keep, authority, "p521")
    site.serves("p521")
    assert site.gets() == site.gets("-tls1_2") == "p521"


def test_ed25519_beside_rsa(authority, place, keep):
    site = Site(place, keep, authority, "rsa", "ed25519")
    site.serves("rsa", "ed25519")
    assert site.gets() == "ed25519"
    assert site.gets(*OLD) == "rsa"
    assert "Ed25519 alone" not in site.cert_site.log()


def test_ed25519_alone_is_served_with_a_warning(authority, place, keep):
    site = Site(place, keep, authority, "ed25519")
    site.serves("ed25519")
    assert site.gets() == "ed25519"
    assert "Ed25519 alone: older clients" in site.cert_site.log()


# PKCS#8 with the algorithm of ML-DSA-65, and two bytes for a key.
UNKNOWN = "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n".format(
    base64.b64encode(bytes.fromhex(
        "3014020100300b060960864801650304031204020102")).decode())


def test_ml_dsa_beside_ecdsa(authority, place, keep):
    """Where OpenSSL is older than 3.5, the key is refused by name."""
    kinds = ["ec", "mldsa"] if knows_ml_dsa() else ["ec"]
    site = Site(place, keep, authority, *kinds)
    site.serves(*kinds)
    assert site.gets(*OLD) == "ec"
    if "mldsa" in kinds:
        assert site.gets() == "mldsa"
        # Never alone: what was in use goes on.
        other = authority.issue("other.example.com")
        site.put("ec", other.combined)
        site.cert_site.policyd.process.wait_output("only beside RSA or ECDSA")
        site.serves("ec", "mldsa")
        return
    assert site.gets() == "ec"
    site.put("ec", site.issued["ec"].combined + UNKNOWN)
    site.cert_site.policyd.process.wait_output(
        "key of the algorithm ML-DSA-65, which OpenSSL 3.")
    site.serves("ec")
