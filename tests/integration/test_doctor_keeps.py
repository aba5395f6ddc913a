"""tollgatectl doctor takes nothing away: whatever a host's listeners said
before its commands they say after them, but for what a finding names.
Configurations are made at random; Postfix's own postconf reads them."""
import random
import re

import pytest

from harness.clinic import Clinic

SEEDS = range(5)
PROXY = "smtpd_upstream_proxy_protocol"
# Of an smtpd, as a line of master.cf may give them.
OPTIONS = {
    "smtpd_proxy_filter": ["inet:[127.0.0.1]:10024", ""],
    "smtpd_sasl_auth_enable": ["no", "yes"],
    "smtpd_banner": ["$myhostname of ours", "{mail} $mail_name, {x y}", "x=y"],
    "content_filter": ["scan:[127.0.0.1]:10026", "", "scan:{a b}"],
    "smtpd_milters": ["{ unix:filter/socket, default_action=accept }", ""],
    "smtpd_sender_restrictions": [
        "permit_mynetworks,reject_sender_login_mismatch",
        "check_sender_access hash:$config_directory/x, reject", "$mua_sender"],
    "smtpd_recipient_restrictions": [
        "check_policy_service inet:127.0.0.1:7777, permit_mynetworks, reject",
        "reject_unauth_destination", "permit_sasl_authenticated,reject"],
    "smtpd_end_of_data_restrictions": [
        "", "check_policy_service { unix:quota, timeout=9s }"],
    "receive_override_options": ["no_address_mappings", ""],
    "cleanup_service_name": ["header-cleanup"],
    "smtpd_client_event_limit_exceptions": ["$mynetworks", ""],
    "smtpd_tls_security_level": ["may", "encrypt"],
    "smtpd_upstream_proxy_timeout": ["17s"],
}


@pytest.fixture(scope="module")
def stock(places, keeps):
    places.chmod(0o755)
    clinic = Clinic(places, keeps)
    return clinic, clinic.save()


@pytest.fixture
def clinic(stock):
    clinic, saved = stock
    clinic.restore(saved)
    return clinic


def option(name, value):
    return f"-o {{{name}={value}}}" if re.search(r"\s", value) \
        else f"-o {name}={value}"


class Host:
    """The lines of a host, and what its clients meet at each port."""

    def __init__(self, clinic, dice):
        self.clinic, self.dice = clinic, dice
        self.passed = dice.choice(["smtpd", "mx", "smtpd-2"])
        clinic.postconf("-e", "mua_sender=permit_mynetworks, reject",
                        f"smtpd_service_name={dice.choice(['smtpd', 'mx'])}",
                        "postscreen_upstream_proxy_timeout="
                        f"{dice.choice(['5s', '11s'])}")
        self.pass_options = self.options()
        clinic.postconf("-M", f"{self.passed}/pass={self.passed} pass - - "
                        f"{dice.choice('yn')} - {dice.choice('-7')} smtpd "
                        f"{self.pass_options}".rstrip())
        self.write(12525, dice.random() < 0.7)
        self.write(10465, dice.random() < 0.3)
        self.write(587, False, header=False)

    def options(self):
        names = self.dice.sample([*OPTIONS], self.dice.randrange(0, 6))
        return " ".join(option(name, self.dice.choice(OPTIONS[name]))
                        for name in names)

    def write(self, port, is_postscreen, header=True):
        line = f"{port}/inet={port} inet n - y - "
        if is_postscreen:
            line += ("1 postscreen -o postscreen_upstream_proxy_protocol="
                     f"haproxy -o smtpd_service_name={self.passed}")
        else:
            line += "- smtpd" + (f" -o {PROXY}=haproxy" if header else "")
        self.clinic.postconf("-M", f"{line} {self.options()}".rstrip())

    def overrides(self, name, kind):
        told = {}
        for line in self.clinic.postconf("-P").splitlines():
            path, value = re.match(r"(.*?) = ?(.*)", line).groups()
            if path.startswith(f"{name}/{kind}/"):
                told[path.split("/")[-1]] = value
        return told

    def met(self, port):
        """What clients of the port meet: parameters, and the line's fields."""
        def fields(name, kind):
            text = self.clinic.postconf("-F", f"{name}/{kind}")
            return dict(re.findall(r"/(\w+) = (.*)$", text, re.M))
        own, line = self.overrides(port, "inet"), fields(port, "inet")
        if line["command"].startswith("postscreen"):
            text = self.clinic.postconf("postscreen_upstream_proxy_timeout")
            own.update(self.overrides(self.passed, "pass"))
            own.update({PROXY: "haproxy",
                        "smtpd_upstream_proxy_timeout": text.split()[-1]})
            line = fields(self.passed, "pass")
        return (self.parameters(own), self.parameters(own, "-x"),
                line["chroot"], line["process_limit"])

    def parameters(self, overrides, *flags):
        options = [word for name, value in overrides.items()
                   for word in ("-o", f"{name}={value}")]
        text = self.clinic.postconf(*flags, *options)
        return {name: value for name, value in
                re.findall(r"^(\S+) = ?(.*)$", text, re.M)
                if not name.startswith(("postscreen_", "process_"))}


def words(text):
    """Of a list, those that are not ours."""
    return re.findall(r"[^\s,{}]+", re.sub(
        r"check_policy_service,? ?\{ unix:tollgate/policy.*?\} \}|"
        r"\{ ?unix:tollgate-milter[^}]*\}", "", text))


def treat(clinic):
    """The names that the commands of all rounds set, by whom they are for."""
    named = []
    for _ in range(3):
        findings = clinic.examine()[1]
        commands = [line for it in findings for line in it["mend"]]
        if not commands:
            return named
        named += commands
        clinic.treat()
    raise AssertionError(f"doctor never ends: {commands}")


def is_named(commands, port, name):
    """By a command for this port, or for main.cf."""
    own = re.compile(rf"(-P '?{port}/inet/|-e '?){name}=")
    return any(own.search(it) for it in commands)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_there_stays(clinic, seed):
    host = Host(clinic, random.Random(seed))
    ports = (12525, 10465, 587)
    before = {port: host.met(port) for port in ports}
    commands = treat(clinic)
    for port in ports:
        was, was_meant, *was_fields = before[port]
        now, now_meant, *now_fields = host.met(port)
        assert now_fields == was_fields
        for name in was:
            if now[name] == was[name]:
                continue
            assert is_named(commands, port, name), \
                (port, name, was[name], now[name])
            if name.endswith(("_restrictions", "_milters")):
                assert words(now_meant[name]) == words(was_meant[name]), name


def test_what_postscreen_did_is_told(clinic):
    clinic.postconf("-e", "postscreen_dnsbl_sites=dnsbl.example*2",
                    "postscreen_greet_action=enforce")
    clinic.postconf("-M", "12525/inet=12525 inet n - y - 1 postscreen -o "
                    "postscreen_upstream_proxy_protocol=haproxy")
    finding, = [it for it in clinic.examine()[1] if it["name"] == "postscreen"]
    for word in ("postscreen_dnsbl_sites = dnsbl.example*2",
                 "reject_rbl_client", "postscreen_greet_action = enforce"):
        assert word in finding["advice"]
    assert "postscreen_access_list" not in finding["advice"]


def test_what_cannot_be_written_is_told(clinic):
    clinic.postconf("-M", "smtpd/pass=smtpd pass - - y - - smtpd "
                    "-o smtpd_banner=a}b")
    clinic.postconf("-M", "12525/inet=12525 inet n - y - 1 postscreen -o "
                    "postscreen_upstream_proxy_protocol=haproxy")
    finding, = [it for it in clinic.examine()[1] if it["name"] == "postscreen"]
    assert finding["mend"] == []
    assert "all options of the smtpd" in finding["advice"]
