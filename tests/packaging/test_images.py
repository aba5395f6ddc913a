"""The images: built, and run as the compose files and manifests run them.

No container engine is needed: the image's files are a root with namespaces and
capabilities of its own. Postfix and tollgate are in one of them, as they share
processes and sockets where they are deployed."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest
import yaml

from harness.authority import Authority, acme_json
from harness.policyd import TOP
from harness.wait import wait_until
from packlab.image import Image, build
from packlab.root import ENTER

pytestmark = pytest.mark.xdist_group("images")
DOCKER = TOP / "docker"
NAME = "mail.example.com"


@pytest.fixture(scope="module")
def image(source):
    """Postfix on top of the daemons' image."""
    image = Image(build(source, "postfix"))
    yield image
    image.close()


class Pod:
    """Files of an image, with processes and a loopback of its own."""

    def __init__(self, image, over):
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--ipc", "--uts", "--net",
             "--fork", "--kill-child", ENTER, image.root, over, "sh", "-c",
             "echo up >/up; exec sleep infinity"], stdin=subprocess.DEVNULL)
        try:
            wait_until(self._is_up, 20, "the pod is up")
            # The volume, as the image made it: /run is new here.
            self.run("install -d -g tollgate -m 2775 /run/tollgate")
        except BaseException:
            self.close()
            raise
        subprocess.run(["nsenter", "-t", str(self.pid), "--net", "ip", "link",
                        "set", "lo", "up"], check=True)

    def _is_up(self):
        assert self._process.poll() is None
        try:
            return self.path("/up").exists()
        except IndexError:
            return False

    @property
    def pid(self):
        own = self._process.pid
        children = pathlib.Path(f"/proc/{own}/task/{own}/children").read_text()
        return int(children.split()[0])

    def path(self, name):
        return pathlib.Path(f"/proc/{self.pid}/root") / name.lstrip("/")

    def command(self, *argv, env=None):
        return ["nsenter", "-t", str(self.pid), "--all", "--root", "--wd",
                "env", "-i",
                "PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
                *(f"{k}={v}" for k, v in (env or {}).items()), *argv]

    def try_run(self, script, env=None):
        return subprocess.run(self.command("sh", "-ec", script, env=env),
                              stdin=subprocess.DEVNULL, timeout=120,
                              capture_output=True, text=True)

    def run(self, script, env=None):
        done = self.try_run(script, env)
        assert done.returncode == 0, \
            f"{script}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def start(self, log, *argv, env=None):
        with open(log, "ab") as output:
            return subprocess.Popen(self.command(*argv, env=env),
                                    stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=subprocess.STDOUT)

    def python(self, script, *arguments):
        """A program of this machine on the pod's loopback."""
        return subprocess.run(
            ["nsenter", "-t", str(self.pid), "--net", "/usr/bin/python3", "-c",
             script, *arguments], capture_output=True, text=True, timeout=60)

    def close(self):
        self._process.kill()
        self._process.wait()


def capabilities(service):
    """setpriv's words for what a compose service leaves."""
    assert service["cap_drop"] == ["ALL"]
    kept = ",".join(f"+{name.lower()}" for name in service["cap_add"])
    return ["setpriv", f"--bounding-set=-all,{kept}", "--inh-caps=-all",
            "--no-new-privs"]


@pytest.fixture(scope="module")
def pod(image, work, request):
    pod = Pod(image, work / "pod")
    request.addfinalizer(pod.close)
    return pod


def test_the_image_says_how_it_is_run(image):
    assert image.config["Cmd"] == ["postfix-start"]
    assert image.config["Healthcheck"]["Test"] == ["CMD", "postfix", "status"]


def test_programs_run(pod):
    for name in ("tollgate-policyd", "tollgate-milter", "tollgatectl"):
        assert pod.run(f"{name} -V").split()[-1][0].isdigit()
    assert pod.try_run(
        "/usr/libexec/tollgate/tollgate-anvil-pass").returncode == 2


def test_the_helper_runs_in_any_image(pod, work):
    """An empty root: it needs neither a loader nor a library."""
    bare = work / "bare"
    bare.mkdir()
    shutil.copy(pod.path("/usr/libexec/tollgate/tollgate-anvil-pass"), bare)
    done = subprocess.run(["chroot", bare, "/tollgate-anvil-pass"],
                          capture_output=True, text=True)
    assert done.returncode == 2 and "SOCKET" in done.stderr


CONFIGS = [path for folder in ("docker", "conf/profiles")
           for path in sorted((TOP / folder).rglob("*.conf"))]


@pytest.mark.parametrize("profile", ["small", "medium", "large"])
def test_every_configuration_is_sound(pod, profile):
    assert len(CONFIGS) >= 9
    pod.run("mkdir -p /run/tollgate && ln -sf "
            f"/usr/share/tollgate/profiles/{profile}.conf "
            "/run/tollgate/profile.conf")
    for path in CONFIGS:
        pod.path("/tmp/tollgate.conf").write_text(path.read_text())
        for program in ("tollgate-policyd", "tollgate-milter"):
            done = pod.try_run(f"{program} -t -c /tmp/tollgate.conf",
                               {"SSL_DOMAIN": NAME})
            assert done.returncode == 0, f"{path}: {done.stderr}"
    pod.run("rm /run/tollgate/profile.conf")


SESSION = """
import socket, ssl, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
s.sendall(b"PROXY TCP4 198.51.100.9 127.0.0.1 4711 25\\r\\n")
if sys.argv[1] == "10465":
    context = ssl._create_unverified_context()
    s = context.wrap_socket(s, server_hostname="mail.example.com")
    print(ssl.DER_cert_to_PEM_cert(s.getpeercert(True)))
else:
    print(s.recv(200).decode()[:3])
"""


@pytest.fixture(scope="module")
def traefik(pod, work, request):
    """compose/traefik: Postfix and tollgate as they are started there, with
    the proxy at 127.0.0.1 and counters in memory."""
    compose = yaml.safe_load(
        (DOCKER / "compose/traefik/compose.yaml").read_text())["services"]
    text = (DOCKER / "compose/traefik/tollgate.conf").read_text()
    assert "dns:traefik" in text and "redis://redis" in text
    pod.path("/etc/tollgate/tollgate.conf").write_text(
        text.replace("dns:traefik", "127.0.0.1"))
    authority = Authority(work / "ca")
    pod.path("/acme").mkdir()
    renew(pod, authority.issue(NAME))
    pod.run("postfix-start --configure",
            {"MAIL_NAME": NAME, "LIVE_CERTIFICATES": "yes"})
    log = work / "pod.log"
    daemon = pod.start(log, *capabilities(compose["tollgate"]),
                       "tollgate-policyd",
                       env={"SSL_DOMAIN": NAME, "TOLLGATE_STORE": "memory:"})
    wait_until(lambda: pod.try_run("tollgatectl status").returncode == 0, 15,
               lambda: log.read_text())
    postfix = pod.start(log, "postfix-start", env={
        "MAIL_NAME": NAME, "LIVE_CERTIFICATES": "yes"})
    wait_until(lambda: pod.try_run("postfix status").returncode == 0, 30,
               lambda: log.read_text())
    yield authority
    pod.try_run("postfix stop")
    daemon.send_signal(signal.SIGTERM)
    for process in (postfix, daemon):
        process.terminate()
        process.wait(10)


def renew(pod, issued):
    path = pod.path("/acme/acme.json")
    new = path.with_suffix(".new")
    new.write_text(json.dumps(acme_json((NAME, [], issued))))
    new.chmod(0o600)
    os.rename(new, path)


def test_doctor_finds_nothing(pod, traefik):
    done = pod.try_run("tollgatectl doctor", {"SSL_DOMAIN": NAME})
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_daemon_keeps_no_more_than_it_needs(pod, traefik):
    status = pod.run("cat /proc/$(pidof tollgate-policyd | tr ' ' '\\n' | "
                     "sort -n | head -n 1)/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines()
                  if ":\t" in line)
    assert fields["Uid"].split() == ["990"] * 4
    needed = (1 << 19) | (1 << 2)  # SYS_PTRACE, DAC_READ_SEARCH
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == needed


def test_the_proxy_s_clients_are_greeted(pod, traefik):
    wait_until(lambda: pod.python(SESSION, "12525").stdout.strip() == "220",
               10, "a greeting")


def test_a_renewed_certificate_is_served_at_the_next_handshake(pod, traefik):
    first = pod.python(SESSION, "10465").stdout
    assert first.startswith("-----BEGIN CERTIFICATE-----")
    second = traefik.issue(NAME, days=91)
    renew(pod, second)
    wait_until(lambda: pod.python(SESSION, "10465").stdout not in ("", first),
               10, "another certificate")
    assert pod.try_run("postfix status").returncode == 0


def test_others_than_the_proxy_are_refused(pod, traefik):
    text = pod.path("/etc/tollgate/tollgate.conf")
    text.write_text(text.read_text().replace('"127.0.0.1"', '"192.0.2.1"'))
    pod.run("tollgatectl reload")
    assert pod.python(SESSION, "12525").stdout.strip() == "421"


class Beside:
    """Another Postfix image, as far as tollgate meets it: its listeners and
    restrictions; and tollgate as it is deployed there, ours to ask."""

    def __init__(self, image, over, *settings):
        self.pod = Pod(image, over)
        self.pod.run("cp /usr/share/postfix/main.cf.debian "
                     "/etc/postfix/main.cf; cp /usr/share/postfix/"
                     "master.cf.dist /etc/postfix/master.cf; postconf -e "
                     + " ".join(f"'{setting}'" for setting in settings))

    def start(self, log, config, **env):
        text = config.read_text()
        for name in ("dns:${TRAEFIK:-traefik-pods.kube-system.svc.cluster."
                     "local}", "172.16.42.2"):
            text = text.replace(name, "127.0.0.1")
        self.pod.path("/etc/tollgate/tollgate.conf").write_text(text)
        self.env = {"TOLLGATE_STORE": "memory:", "POSTFIX_UID": "991", **env}
        self.daemon = self.pod.start(log, "tollgate-policyd", env=self.env)
        wait_until(
            lambda: self.pod.try_run("tollgatectl status").returncode == 0, 15,
            lambda: log.read_text())
        self.pod.run("postfix start")

    def doctor(self):
        return self.pod.try_run("tollgatectl doctor", self.env)

    def greeting(self):
        return self.pod.python(SESSION, "12525").stdout.strip()

    def close(self):
        self.pod.try_run("postfix stop")
        self.pod.close()


@pytest.fixture
def baseline(image, work, request):
    """kubernetes/baseline, with the proxy at 127.0.0.1: the pod."""
    folder = DOCKER / "kubernetes/baseline"
    spec = yaml.safe_load((folder / "postfix.yaml").read_text())["spec"][
        "template"]["spec"]
    [user] = [it["securityContext"] for it in spec["containers"]
              if it["name"] == "tollgate"]
    groups = ",".join(map(str, spec["securityContext"]["supplementalGroups"]))
    pod = Pod(image, work / "baseline")
    request.addfinalizer(pod.close)
    name = "dns:smtp-proxy.mail.svc.cluster.local"
    text = (folder / "tollgate.conf").read_text()
    assert text.count(name) == 3
    pod.path("/etc/tollgate/tollgate.conf").write_text(
        text.replace(name, "127.0.0.1"))
    log = work / "baseline.log"
    pod.start(log, "postfix-start", env={"MAIL_NAME": NAME, "GATES": "yes"})
    request.addfinalizer(lambda: pod.try_run("postfix stop"))
    pod.start(log, "setpriv", f"--reuid={user['runAsUser']}",
              f"--regid={user['runAsGroup']}", f"--groups={groups}",
              "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
              "tollgate-policyd", env={"TOLLGATE_STORE": "memory:"})
    for command in ("tollgatectl status", "postfix status"):
        wait_until(lambda it=command: pod.try_run(it).returncode == 0, 30,
                   lambda: log.read_text())
    return pod


def test_kubernetes_baseline(baseline):
    """Without a right; each listener of the image is a gate."""
    done = baseline.try_run("tollgatectl doctor", {"TOLLGATE_STORE": "memory:"})
    assert done.returncode == 0, done.stdout + done.stderr
    status = baseline.run("cat /proc/$(pidof tollgate-policyd)/status")
    assert "CapBnd:\t0000000000000000" in status
    assert "CapPrm:\t0000000000000000" in status
    for port in ("12525", "10587"):
        wait_until(lambda at=port: baseline.python(
            SESSION, at).stdout.strip() == "220", 15, "a greeting")
    text = baseline.path("/etc/tollgate/tollgate.conf")
    text.write_text(text.read_text().replace('"127.0.0.1"', '"192.0.2.1"'))
    baseline.run("tollgatectl reload")
    for port in ("12525", "10587"):
        assert baseline.python(SESSION, port).stdout.strip() == "421"


def test_docker_mailserver_after_its_user_patches(image, work):
    """Twice, for it is run at each start."""
    folder = DOCKER / "compose/docker-mailserver"
    beside = Beside(
        image, work / "dms", "mynetworks=127.0.0.0/8 [::1]/128",
        "smtpd_recipient_restrictions=permit_sasl_authenticated, "
        "permit_mynetworks, reject_unauth_destination",
        "smtpd_relay_restrictions=permit_mynetworks "
        "permit_sasl_authenticated defer_unauth_destination")
    try:
        beside.pod.run("""
            postconf -M 'smtp/inet=smtp inet n - n - 1 postscreen'
            postconf -M 'smtpd/pass=smtpd pass - - n - - smtpd'
            for name in submission submissions; do
                postconf -M "$name/inet=$name inet n - n - - smtpd \
-o syslog_name=postfix/$name -o smtpd_sasl_auth_enable=yes \
-o smtpd_client_restrictions=permit_sasl_authenticated,reject"
            done
            postconf -P submissions/inet/smtpd_tls_wrappermode=yes
            mkdir -p /opt/tollgate /acme
            cp /usr/libexec/tollgate/tollgate-anvil-pass /opt/tollgate""")
        renew(beside.pod, Authority(work / "dms-ca").issue(NAME))
        shutil.copy(folder / "user-patches.sh", beside.pod.path("/tmp/patch"))
        beside.pod.run("bash /tmp/patch")
        beside.start(work / "dms.log", folder / "tollgate.conf")
        beside.pod.run("bash /tmp/patch; postfix reload")
        before = beside.pod.run("postconf -n; postconf -M")
        beside.pod.run("bash /tmp/patch; postfix reload")
        assert beside.pod.run("postconf -n; postconf -M") == before
        done = beside.doctor()
        assert done.returncode == 0, done.stdout + done.stderr
        wait_until(lambda: beside.greeting() == "220", 15, "a greeting")
    finally:
        beside.close()


def test_mailu_with_the_override(image, work):
    """Applied by Mailu's own rule: each line to postconf, through a shell."""
    folder = DOCKER / "kubernetes/mailu/common"
    subnet = "10.42.0.0/16"
    beside = Beside(
        image, work / "mailu", f"mynetworks=127.0.0.1/32 [::1]/128 {subnet}",
        f"smtpd_authorized_xclient_hosts={subnet}", "mydestination=",
        "smtpd_recipient_restrictions=", "smtpd_relay_restrictions="
        "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination")
    try:
        beside.pod.run("""
            postconf -M 'smtp/inet=smtp inet n - n - - smtpd'
            postconf -M '10025/inet=10025 inet n - n - - smtpd'
            cp /usr/libexec/tollgate/tollgate-anvil-pass /run/tollgate
            ln -s /usr/share/tollgate/profiles/medium.conf \
                /run/tollgate/profile.conf""")
        for name, option in (("postfix.cf", "-e"), ("postfix.master", "-Me")):
            for line in (folder / name).read_text().strip().split("\n"):
                if not line.startswith("#"):
                    beside.pod.run(f'postconf {option} "{line}"')
        beside.start(work / "mailu.log", folder / "tollgate.conf")
        assert beside.pod.run("postconf -h smtpd_authorized_xclient_hosts") \
            == subnet
        done = beside.doctor()
        assert done.returncode == 0, done.stdout + done.stderr
        wait_until(lambda: beside.greeting() == "220", 15, "a greeting")
    finally:
        beside.close()
