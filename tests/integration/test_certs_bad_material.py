"""What must never be served: the old certificate stays, one line says why."""
import base64
import json
import os
import signal

import pytest

from harness.authority import Authority, acme_json, encode, openssl
from harness.cert_site import NAME, Acme, CertSite
from harness.socketmap import asked
from harness.wait import stays_true, wait_until


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

    def entry(self, chain, key, main=NAME):
        return json.dumps({"le": {"Certificates": [
            {"domain": {"main": main}, "certificate": encode(chain),
             "key": encode(key)}]}})


@pytest.fixture(scope="module")
def stage(places, keeps):
    return Stage(places, keeps)


def issue(stage, *names, **options):
    one = stage.authority.issue(*(names or (NAME,)), **options)
    return stage.entry(one.chain, one.key)


def wrong_key(stage):
    return stage.entry(stage.authority.issue(NAME, days=95).chain,
                       stage.authority.key("ec"))


def wrong_order(stage):
    one = stage.authority.issue(NAME, days=95)
    return stage.entry("".join([one.certificates[0], stage.authority.root,
                                one.certificates[1]]), one.key)


def issuer_first(stage):
    one = stage.authority.issue(NAME, days=95)
    return stage.entry(one.certificates[1] + one.certificates[0], one.key)


def encrypted_key(stage):
    one = stage.authority.issue(NAME, days=95)
    return stage.entry(one.chain, openssl(
        "pkcs8", "-topk8", "-passout", "pass:secret", stdin=one.key))


def cut_json(stage):
    return issue(stage, days=95)[:-40]


def cut_pem(stage):
    one = stage.authority.issue(NAME, days=95)
    return stage.entry(one.chain[:-60], one.key)


def cut_key(stage):
    one = stage.authority.issue(NAME, days=95)
    return stage.entry(one.chain, one.key[:-60])


def no_base64(stage):
    return json.dumps({"le": {"Certificates": [
        {"domain": {"main": NAME}, "certificate": "%%%%", "key": "%%%%"}]}})


def no_certificates(stage):
    return stage.entry("nothing\n", stage.authority.key("ec"))


def two_keys(stage):
    one = stage.authority.issue(NAME, days=95)
    return stage.entry(one.chain, one.key + stage.authority.key("ec"))


def long_chain(stage):
    one = stage.authority.issue(NAME, days=95)
    return stage.entry(one.chain + one.certificates[1] * 10, one.key)


def older(stage):
    return issue(stage, days=30)


# What is written, and what the log has to say about it.
BAD = {
    "wrong key": (wrong_key, "the key does not fit"),
    "expired": (lambda s: issue(s, start=-100, days=-1), "expired on"),
    "not yet valid": (lambda s: issue(s, start=2, days=95),
                      "not valid before"),
    "wrong order": (wrong_order, "was not issued by the one after it"),
    "issuer first": (issuer_first, "the key does not fit"),
    "encrypted key": (encrypted_key, "encrypted"),
    "JSON cut off": (cut_json, "malformed or cut off JSON"),
    "PEM cut off": (cut_pem, "cut off or malformed"),
    "key cut off": (cut_key, "cut off or malformed"),
    "empty": (lambda s: "", "empty"),
    "no JSON": (lambda s: "hello", "JSON"),
    "JSON list": (lambda s: "[]", "not an acme.json"),
    "other name": (lambda s: issue(s, "other.example.com"),
                   f"no certificate there covers {NAME}"),
    "wildcard too deep": (lambda s: issue(s, "*.com"),
                          f"no certificate there covers {NAME}"),
    "no base64": (no_base64, "not base64"),
    "no certificate": (no_certificates, "no certificate in it"),
    "two keys": (two_keys, "more than one private key"),
    "RSA 1024": (lambda s: issue(s, kind="rsa1024", days=95), "1024 bits"),
    "EC P-521": (lambda s: issue(s, kind="p521", days=95), "521 bits"),
    "SHA-1": (lambda s: issue(s, digest="sha1", days=95), "digest"),
    "for clients": (lambda s: issue(s, usage="clientAuth", days=95),
                    "not for servers"),
    "long chain": (long_chain, "more than 10 certificates"),
    "older": (older, "ends before the one in use"),
    "key-value store": (lambda s: json.dumps({"DomainsCertificate": {}}),
                        "key-value store"),
}


def restore(stage):
    stage.acme.write(stage.good)
    wait_until(lambda: stage.site.policyd.metric(
        "tollgate_certificate_source_problem") == 0, 5, "it is good again")


def in_service(stage):
    return asked(stage.site.sni, NAME) == [stage.good.fingerprint] and \
        stage.chain.read_bytes() == stage.published


@pytest.mark.parametrize("kind", BAD)
def test_the_old_certificate_stays(stage, kind):
    write, reason = BAD[kind]
    policyd = stage.site.policyd
    mark = len(stage.site.log())
    text = write(stage)
    stage.acme.write_text(text)
    wait_until(lambda: reason in stage.site.log()[mark:], 5,
               lambda: f"{reason!r} in {stage.site.log()[mark:]}")
    assert in_service(stage)
    lines = [line for line in stage.site.log()[mark:].splitlines()
             if "warning" in line or "warn" in line]
    assert len(lines) == 1, lines
    assert str(stage.acme.path) in lines[0] or "covers" in lines[0]
    assert policyd.metric("tollgate_certificate_source_problem") == 1
    restore(stage)
    assert in_service(stage)
    assert "PRIVATE" not in stage.site.log()


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
    wait_until(lambda: asked(stage.site.sni, NAME) == [new.fingerprint], 2,
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
    wait_until(lambda: asked(stage.site.sni, NAME) == [new.fingerprint], 2,
               "version 1 is read")
    assert oct(stage.acme.path.stat().st_mode & 0o777) == "0o600"


def test_hup_reads_at_once_and_keeps_what_is_good(stage):
    stage.site.policyd.process.signal(signal.SIGHUP)
    stays_true(lambda: len(asked(stage.site.sni, NAME)) == 1, 0.5,
               "it is served all the time")
