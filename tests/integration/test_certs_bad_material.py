"""What must never be served: the old certificate stays, one line says why."""
import base64
import json
import os
import re
import signal

import pytest

from harness.authority import Authority, acme_json, encode, openssl
from harness.cert_site import NAME, Acme, CertSite
from harness.policyd import Policyd
from harness.socketmap import asked
from harness.wait import stays_true, wait_until


class Bad:
    """Makes what is written to the acme.json of a section."""

    def __init__(self, authority, name):
        self.authority, self.name = authority, name
        self.keys = []

    def new(self, *names, **options):
        one = self.authority.issue(*(names or [self.name]),
                                   **{"days": 95, **options})
        self.keys.append(one.key)
        return one

    def issue(self, *names, **options):
        one = self.new(*names, **options)
        return self.entry(one.chain, one.key)

    def entry(self, chain, key):
        return json.dumps({"le": {"Certificates": [
            {"domain": {"main": self.name}, "certificate": encode(chain),
             "key": encode(key)}]}})


def wrong_key(bad):
    return bad.entry(bad.new().chain, bad.authority.key("ec"))


def encrypted_key(bad):
    one = bad.new()
    return bad.entry(one.chain, openssl(
        "pkcs8", "-topk8", "-passout", "pass:secret", stdin=one.key))


def cut_json(bad):
    return bad.issue()[:-40]


def cut_pem(bad):
    one = bad.new()
    return bad.entry(one.chain[:-60], one.key)


def cut_key(bad):
    one = bad.new()
    return bad.entry(one.chain, one.key[:-60])


def no_base64(bad):
    return json.dumps({"le": {"Certificates": [
        {"domain": {"main": bad.name},
         "certificate": "%%%%", "key": "%%%%"}]}})


def no_certificates(bad):
    return bad.entry("nothing\n", bad.authority.key("ec"))


def long_chain(bad):
    one = bad.new()
    return bad.entry(one.chain + one.certificates[1] * 40, one.key)


# What is written, and what the log has to say about it.
BAD = {
    "wrong key": (wrong_key, "the key does not fit"),
    "expired": (lambda bad: bad.issue(start=-100, days=-1), "expired on"),
    "not yet valid": (lambda bad: bad.issue(start=2), "not valid before"),
    "encrypted key": (encrypted_key, "encrypted"),
    "JSON cut off": (cut_json, "malformed or cut off JSON"),
    "PEM cut off": (cut_pem, "cut off or malformed"),
    "key cut off": (cut_key, "cut off or malformed"),
    "empty": (lambda bad: "", "empty"),
    "no JSON": (lambda bad: "hello", "JSON"),
    "JSON list": (lambda bad: "[]", "not an acme.json"),
    "other name": (lambda bad: bad.issue("other.example.com"),
                   "no certificate there covers"),
    "wildcard too deep": (lambda bad: bad.issue("*.com"),
                          "no certificate there covers"),
    "no base64": (no_base64, "not base64"),
    "no certificate": (no_certificates, "no certificate in it"),
    "RSA 1024": (lambda bad: bad.issue(kind="rsa1024"), "1024 bits"),
    "RSA-PSS": (lambda bad: bad.issue(kind="rsapss"),
                "algorithm that is not served"),
    "EC brainpool": (lambda bad: bad.issue(kind="brainpool"),
                     "curve brainpoolP256r1"),
    "EC secp256k1": (lambda bad: bad.issue(kind="secp256k1"),
                     "curve secp256k1"),
    "EC by parameters": (lambda bad: bad.issue(kind="explicit"),
                         "without a name"),
    "SHA-1": (lambda bad: bad.issue(digest="sha1"), "digest"),
    "for clients": (lambda bad: bad.issue(usage="clientAuth"),
                    "not for servers"),
    "long chain": (long_chain, "more than 40 certificates"),
    "key-value store": (lambda bad: json.dumps({"DomainsCertificate": {}}),
                        "key-value store"),
}


class Section:
    """One kind of bad material: its own name, source and default chain."""

    def __init__(self, places, authority, number, kind):
        self.write, self.reason = BAD[kind]
        self.name = f"k{number}.example.com"
        self.bad = Bad(authority, self.name)
        self.acme = Acme(places / f"acme{number}")
        self.chain = places / "tls" / f"{number}.pem"
        self.good = self.bad.new(days=90)
        self.acme.write(self.good, name=self.name)

    def options(self):
        return ("certificate", self.name, {
            "source": self.acme.source, "default_chain": self.chain})


class Gallery:
    """All kinds at once: each has to stay long enough to be logged."""

    def __init__(self, places, keeps):
        authority = Authority(places / "gallery-ca")
        self.sections = {
            kind: Section(places, authority, number, kind)
            for number, kind in enumerate(BAD)}
        self.sni = places / "gallery-sni"
        self.policyd = keeps(Policyd(
            places / "gallery", [f"sni:unix:{self.sni}"],
            sections=[one.options() for one in self.sections.values()]))
        self.published = {kind: one.chain.read_bytes()
                          for kind, one in self.sections.items()}
        for one in self.sections.values():
            one.acme.write_text(one.write(one.bad))
        wait_until(lambda: self.problems() == len(BAD), 30, self.log)
        wait_until(lambda: self.log().count("; the one in use stays")
                   >= len(BAD), 30, self.log)

    def log(self):
        return self.policyd.process.text()

    def problems(self):
        return self.policyd.metric("tollgate_certificate_source_problem")

    def lines(self, kind):
        name = self.sections[kind].name
        return [line for line in self.log().splitlines()
                if f'warn: certificate "{name}"' in line]


@pytest.fixture(scope="module")
def gallery(places, keeps):
    return Gallery(places, keeps)


@pytest.mark.parametrize("kind", BAD)
def test_the_old_certificate_stays(gallery, kind):
    one = gallery.sections[kind]
    lines = gallery.lines(kind)
    assert len(lines) == 1, lines
    assert one.reason in lines[0]
    assert str(one.acme.path) in lines[0] or "covers" in lines[0]
    assert asked(gallery.sni, one.name) == [one.good.fingerprint]
    assert one.chain.read_bytes() == gallery.published[kind]


def test_and_is_followed_by_the_next_good_one(gallery):
    """After all of the above; nothing of a key was ever logged."""
    for one in gallery.sections.values():
        one.good = one.bad.new(days=96)
        one.acme.write(one.good, name=one.name)
    wait_until(lambda: gallery.problems() == 0, 20, gallery.log)
    for one in gallery.sections.values():
        assert asked(gallery.sni, one.name) == [one.good.fingerprint]
    log = gallery.log()
    assert "PRIVATE" not in log
    for one in gallery.sections.values():
        for key in one.bad.keys:
            for line in re.findall("^[A-Za-z0-9+/=]{16,}$", key, re.MULTILINE):
                assert line[:16] not in log
                assert encode(line)[:16] not in log


class Stage:
    """One policyd whose acme.json is good, then bad, then good again."""

    def __init__(self, places, keeps):
        self.authority = Authority(places / "ca")
        self.acme = Acme(places / "acme")
        self.good = self.authority.issue(NAME)
        self.acme.write(self.good)
        self.site = CertSite(places, keeps, self.acme.source, postfix=False)
        self.chain = self.site.tls / "default.pem"
        self.published = self.chain.read_bytes()


@pytest.fixture(scope="module")
def stage(places, keeps):
    return Stage(places, keeps)


def restore(stage):
    stage.acme.write(stage.good)
    wait_until(lambda: stage.site.policyd.metric(
        "tollgate_certificate_source_problem") == 0, 5, "it is good again")


def in_service(stage):
    return asked(stage.site.sni, NAME) == [stage.good.fingerprint] and \
        stage.chain.read_bytes() == stage.published


def test_a_giant_file_is_not_read(stage):
    mark = len(stage.site.log())
    with open(stage.acme.path, "r+b") as file:
        file.truncate(1 << 30)
    wait_until(lambda: "at most" in stage.site.log()[mark:], 5,
               "the size is named")
    assert in_service(stage)
    restore(stage)
    status = open(f"/proc/{stage.site.policyd.process.pid}/status").read()
    peak = int(status.split("VmHWM:")[1].split()[0])
    assert peak < 100000, f"{peak} KiB"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_no_file_at_all(stage, make):
    mark = len(stage.site.log())
    stage.acme.path.unlink()
    make(stage.acme.path)
    wait_until(lambda: "not a file" in stage.site.log()[mark:], 5,
               "it is named")
    assert in_service(stage)
    os.rename(stage.acme.path,
              stage.acme.path.with_name(f"was-{make.__name__}"))
    restore(stage)


def test_stale_and_foreign_entries_do_not_matter(stage):
    """Traefik never removes an entry, and holds other people's too."""
    old = stage.authority.issue(NAME, start=-90, days=-1)
    other = stage.authority.issue("other.example.com", days=300)
    new = stage.authority.issue(NAME, days=100)
    broken = stage.authority.issue("broken.example.com")
    broken.key = "no key"
    stage.acme.write_text(json.dumps({
        **acme_json((NAME, [], old), ("other.example.com", [], other)),
        **acme_json((NAME, ["x"], new), ("broken.example.com", [], broken),
                    resolver="zerossl"),
        "empty": {"Account": None, "Certificates": None}}))
    wait_until(lambda: asked(stage.site.sni, NAME) == [new.fingerprint], 10,
               "the newest of all is served")
    assert stage.site.policyd.metric(
        "tollgate_certificate_source_problem") == 0
    assert asked(stage.site.sni, "other.example.com") == []


def test_version_1_in_any_case(stage):
    new = stage.authority.issue(NAME, days=101)
    stage.acme.write_text(json.dumps({
        "Account": {}, "HTTPChallenges": {}, "Certificates": [
            {"Domain": {"Main": NAME, "SANs": None},
             "Certificate": base64.b64encode(new.chain.encode()).decode(),
             "Key": base64.b64encode(new.key.encode()).decode()}]}))
    wait_until(lambda: asked(stage.site.sni, NAME) == [new.fingerprint], 10,
               "version 1 is read")
    assert oct(stage.acme.path.stat().st_mode & 0o777) == "0o600"


def test_hup_reads_at_once_and_keeps_what_is_good(stage):
    stage.site.policyd.process.signal(signal.SIGHUP)
    stays_true(lambda: len(asked(stage.site.sni, NAME)) == 1, 0.5,
               "it is served all the time")
