"""Every command in the guides and in README.md is run here or by
test_guide_debian, or stands in a table with the reason why not.

The commands of containers and pods are run without them: docker and kubectl are
stand-ins that run what follows exec, beside a real policyd and the files of a
real Postfix."""
import os
import pathlib
import re
import subprocess

import pytest

from harness.attributes import Policy
from harness.clinic import TOLLGATECTL
from harness.policyd import ANVIL_PASS, TOP, Policyd
from harness.postfix import Postfix, pass_through
from harness.ports import free_port

GUIDES = [TOP / "README.md", *sorted((TOP / "doc").glob("guide-*.md"))]
# test_guide_debian types its blocks into a fresh Debian, all of them.
RUN_ELSEWHERE = {"guide-debian.md"}
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
# What a word in the text has to begin with to be a command.
PROGRAMS = {
    "apt", "apt-get", "cp", "docker", "doveadm", "dovecot", "dpkg-buildpackage",
    "helm", "id", "journalctl", "kubectl", "make", "nft", "postconf", "postfix",
    "postmap", "sed", "sh", "systemctl", "systemd-tmpfiles", "tollgatectl",
    "./bootstrap", "./check", "./quickstart"}

ENGINE = "needs an engine; test_compose and --containers have the files"
CLUSTER = "needs a cluster; test_manifests has kubectl build the files"
NAMED = "names the command, with no argument of the reader's"
DEBIAN = "test_debian and test_guide_debian do so with the packages"
OTHERS = "another's program"
NOT_RUN = {
    "export TOLLGATE_SOURCE=/path/to/tollgate": "the place is the reader's",
    "docker compose -f compose.yaml -f $TOLLGATE_SOURCE/docker/compose/"
    "docker-mailserver/compose.yaml up -d --build": ENGINE,
    "docker compose up -d --build": ENGINE,
    "docker build -f docker/Dockerfile -t registry.example.com/tollgate:0.1.0 "
    ".": "test_images builds it with buildah",
    "docker build -f docker/Dockerfile --target postfix -t "
    "registry.example.com/tollgate-postfix:0.1.0 .":
        "test_images builds it with buildah",
    r"printf 'PROXY TCP4 127.0.0.1 127.0.0.1 1 25\r\n' | nc mailserver 12525":
        "test_docker_compose and tests/hosts forge such a header",
    "docker exec": NAMED,
    "kubectl apply -k docker/kubernetes/base": CLUSTER,
    "kubectl get pods": CLUSTER,
    "helm template mailu mailu/mailu --namespace mail --values values.yaml "
    ">mailu.yaml": "helm is in no Debian, and the chart is Mailu's",
    "tollgatectl watch --refused": "runs until it is ended: test_watch",
    "tollgatectl ban": NAMED,
    "tollgatectl explain": NAMED,
    "tollgatectl guard nft | nft -f -": "changes the machine: test_guard",
    "tollgatectl setup": "asks at a terminal: test_setup",
    "tollgatectl setup --for debian": "asks at a terminal: test_setup",
    "docker run --rm tollgate tollgatectl setup --for docker-mailserver --proxy "
    "172.16.42.2 --limits medium --output - >tollgate.conf":
        "needs an engine; test_setup writes the same file",
    "dovecot --version": OTHERS,
    "doveadm reload": OTHERS,
    "apt-get build-dep .": DEBIAN,
    "dpkg-buildpackage -us -uc": DEBIAN,
    "apt install ../tollgate-*.deb": DEBIAN,
    "apt-get install postfix-cdb": DEBIAN,
    "systemctl restart tollgate-policyd": DEBIAN,
    "systemctl enable --now tollgate-policyd": DEBIAN,
    "systemctl edit tollgate-policyd": "an editor",
    "systemd-tmpfiles --create": DEBIAN,
    "systemd-tmpfiles --create tollgate.conf": DEBIAN,
    "postfix reload": "this Postfix does not run: tests/hosts reload theirs",
    "postfix upgrade-configuration": "named: findings/ and test_doctor run it",
    "postconf -P 127.0.0.1:10025/inet/smtpd_end_of_data_restrictions=":
        "the listener is a filter's: test_doctor has one",
    "./quickstart --demo": "test_newcomer does so",
    "./check --help": "lists the parts of this suite",
    "./bootstrap && ./configure && make && make check && make install":
        "this build was made so",
}


def commands_of(block):
    """Its lines, those that go on joined; without comments."""
    text = re.sub(r"\\\n *", "", block)
    text = re.sub(r"\|\n *", "| ", text)
    lines = [re.sub(r"\s+# .*", "", line).strip() for line in text.split("\n")]
    return [line for line in lines if line and not line.startswith("#")]


def in_blocks(guide):
    return [command for _, kind, block in BLOCK.findall(guide.read_text())
            if kind == "sh" for command in commands_of(block)]


def in_text(guide):
    text = BLOCK.sub("", guide.read_text())
    spans = [re.sub(r"\s+", " ", it) for it in re.findall(r"`([^`]+)`", text)]
    return [it for it in spans if it.split()[0] in PROGRAMS and " " in it]


def commands(guide):
    blocks = [] if guide.name in RUN_ELSEWHERE else in_blocks(guide)
    return [*blocks, *in_text(guide)]


def test_each_block_says_what_it_is():
    for guide in GUIDES:
        kinds = {kind for _, kind, _ in BLOCK.findall(guide.read_text())}
        assert kinds <= {"sh", "conf", "yaml", "text", "typescript"}, guide
        for _, kind, block in BLOCK.findall(guide.read_text()):
            assert kind == "sh" or not {
                line.split()[0] for line in commands_of(block)} & PROGRAMS, \
                f"{guide}: commands in a block that is not sh:\n{block}"


def test_what_is_not_run_is_there():
    assert set(NOT_RUN) <= {it for guide in GUIDES for it in commands(guide)}
    for name in re.findall(r"test_\w+", " ".join(NOT_RUN.values())):
        assert [*(TOP / "tests").rglob(f"{name}.*")], name


SHIMS = {
    # docker compose exec [-T] [-e NAME=VALUE] SERVICE COMMAND...
    "docker": """
[ "$1 $2" = "compose exec" ] || exit 99
shift 2
while case $1 in -T) true ;; -e) shift ;; *) false ;; esac; do shift; done
shift
exec "$@"
""",
    # kubectl exec [-i] POD -c CONTAINER -- COMMAND...
    "kubectl": """
[ "$1" = exec ] || exit 99
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
""",
    "tollgatectl": """
exec {tollgatectl} -s {control} -c {config} "$@"
"""}


class Desk:
    """Where the reader types: his folders, and programs that are in reach."""

    def __init__(self, place, keep):
        self.folder = place / "desk"
        for name in ("docker-data/dms/config", "postfix/templates"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "postfix/templates/20-icf-ssl.tpl").write_text(
            "smtpd_tls_cert_file = x\nsmtpd_tls_key_file  = y\nz = 1\n")
        (self.folder / "docker-compose.yaml").write_text(
            "include:\n  - traefik-compose.yaml\n  - postfix-compose.yaml\n")
        anvil = place / "anvil"
        self.postfix = keep(Postfix(
            place / "postfix", port=free_port(),
            anvil=pass_through(ANVIL_PASS, anvil),
            services={"12525": "-o smtpd_upstream_proxy_protocol=haproxy"}))
        daily = {"at": "policy", "event": "recipient",
                 "key": ["sasl_username"], "rate": "500/1d"}
        policyd = keep(Policyd(
            place / "policyd",
            [f"anvil-pass:unix:{anvil}",
             f"policy:unix:{self.postfix.queue}/tollgate/policy"],
            options={"client_limits_at": "anvil",
                     "client_message_rate_limit": 100},
            sections=[("service", "12525", {
                "port": 12525, "proxied": True,
                "trusted_proxies": ["192.0.2.10"]}),
                ("limit", "sasl-day", daily), ("limit", "login-day", daily),
                ("limit", "client-day", {**daily, "key": ["client"]})]))
        # The client that README.md asks about.
        smtpd = Policy(self.postfix.queue / "tollgate/policy")
        smtpd.rcpt("198.51.100.7")
        smtpd.close()
        shims = place / "bin"
        shims.mkdir()
        for name, text in SHIMS.items():
            (shims / name).write_text("#!/bin/sh" + text.format(
                tollgatectl=TOLLGATECTL, control=policyd.control,
                config=policyd.config) if name == "tollgatectl"
                else "#!/bin/sh" + text)
            (shims / name).chmod(0o755)
        self.env = {"PATH": f"{shims}:/usr/sbin:/usr/bin:/sbin:/bin",
                    "MAIL_CONFIG": str(self.postfix.etc),
                    "TOLLGATE_SOURCE": str(TOP)}

    def type(self, command):
        return subprocess.run(
            ["sh", "-c", command], cwd=self.folder, env=self.env, check=False,
            timeout=120, capture_output=True, text=True,
            stdin=subprocess.DEVNULL)


def judge(command, done):
    """doctor has something to say here: 1 and 4 are answers, too."""
    good = (0, 1, 4) if "tollgatectl doctor" in command else (0,)
    assert done.returncode in good and (
        done.stdout or command.startswith(("cp ", "sed "))), \
        f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert not done.stderr or done.returncode == 0, (command, done.stderr)


@pytest.fixture(scope="module")
def desk(places, keeps):
    places.chmod(0o755)
    return Desk(places, keeps)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda it: it.stem)
def test_commands(desk, guide):
    run = [it for it in commands(guide) if it not in NOT_RUN]
    assert run
    for command in run:
        judge(command, desk.type(command))


def test_what_they_made(desk):
    """simplelogin's guide: its files are where its compose file looks."""
    for command in in_blocks(TOP / "doc/guide-simplelogin.md"):
        if command.startswith(("cp ", "sed ")):
            judge(command, desk.type(command))
    made = pathlib.Path(desk.folder)
    assert (made / "postfix/templates/20-icf-ssl.tpl").read_text() == "z = 1\n"
    assert "  - path: [postfix-compose.yaml, tollgate-compose.yaml]\n" in \
        (made / "docker-compose.yaml").read_text()
    assert {"tollgate-compose.yaml", "tollgate.conf"} <= set(os.listdir(made))
