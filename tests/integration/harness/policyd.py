"""The daemons, each with a configuration of its own."""
import http.client
import os
import pathlib
import re
import signal
import socket

from .ports import free_port
from .process import Process
from .wait import wait_until

TOP = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("TOLLGATE_BUILDDIR", TOP / "build"))
POLICYD = BUILD / "tollgate-policyd"
MILTER = BUILD / "tollgate-milter"
ANVIL_PASS = BUILD / "tollgate-anvil-pass"


def quote(value):
    """A Python value as tollgate.conf has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {quote(item)}"
                                for name, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "{ " + ", ".join(quote(item) for item in value) + " }"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def render(options, sections):
    """sections: [(kind, title or None, options)], as they stand in the file."""
    lines = [f"{name} = {quote(value)}" for name, value in options.items()]
    for kind, title, inner in sections:
        head = kind if title is None else f"{kind} {quote(title)}"
        lines.append(head + " {")
        lines += [f"  {name} = {quote(value)}" for name, value in inner.items()]
        lines.append("}")
    return "\n".join(lines) + "\n"


class Daemon:
    """Started and ready. own: the options of its section; before: a
    command that ends in executing the rest."""

    program = section = None

    def __init__(self, directory, own, *, options=None, sections=(),
                 arguments=(), before=(), wait=True):
        directory.mkdir(exist_ok=True)
        directory.chmod(0o755)
        self.http_port = free_port()
        self.control = directory / f"{self.section}.sock"
        self.config = directory / "tollgate.conf"
        self.options = {"user": "nobody", "group": "nogroup",
                        "drain_timeout": "5s",
                        # Tests look for the line of each refusal at once.
                        "log_refusals": "all", **(options or {})}
        self.sections = list(sections)
        self.own = {"http": f"127.0.0.1:{self.http_port}",
                    "control": self.control, **own}
        self.write_config()
        self.process = Process(
            [*before, self.program, "-c", self.config, *arguments],
            directory / f"{self.section}.log")
        if wait:
            self._wait_first_ready()

    def _wait_first_ready(self):
        """The caller cannot close what he was not given."""
        try:
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    def write_config(self, **options):
        """Again, with other options; takes effect at a HUP."""
        self.options.update(options)
        self.config.write_text(render(
            self.options,
            [*self.sections, (self.section, None, self.own)]))

    def get(self, path):
        """(status, body); (0, "") while nobody listens."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.http_port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def metric(self, name):
        """The sum over all labels of a metric."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            if line.split("{")[0].split(" ")[0] == name:
                total += float(line.rsplit(" ", 1)[1])
        return total

    def has_store(self):
        return self.metric("tollgate_store_available") == 1

    def is_ready(self):
        assert self.process.is_running(), self.process.text()
        return self.is_ready_now()

    def is_ready_now(self):
        """This process, or a successor on the same port."""
        return self.get("/readyz")[0] == 200

    def wait_ready(self, timeout=10):
        wait_until(self.is_ready, timeout,
                   lambda: f"{self.section} is ready:\n{self.process.text()}")

    def start(self):
        self.process.start()
        self.wait_ready()

    def stop(self):
        """TERM; it must end cleanly, whoever is still connected."""
        status = self.process.terminate()
        assert status == 0, f"exit {status}:\n{self.process.text()}"

    def hand_over(self):
        """USR2; the pid of the successor, which the test must end."""
        self.process.signal(signal.SIGUSR2)
        self.process.wait_output("finishing open sessions")
        return int(re.search(r"successor (\d+) serves",
                             self.process.text()).group(1))

    def kill(self):
        self.process.kill()

    def close(self):
        self.process.close()


class Policyd(Daemon):
    """listen: INTERFACE's policyd.listen."""

    program, section = POLICYD, "policyd"

    def __init__(self, directory, listen, *, policyd=None, **more):
        self.listen = list(listen)
        super().__init__(directory, {
            "listen": self.listen, "socket_mode": "0666", **(policyd or {})},
            **more)


class Milter(Daemon):
    """listen: milter.listen; if not given, a unix socket that Postfix can
    reach, in a directory that is made for it."""

    program, section = MILTER, "milter"

    def __init__(self, directory, listen=None, *, milter=None, **more):
        self.socket = directory / "tollgate-milter" / "socket"
        self.listen = listen or f"unix:{self.socket}"
        super().__init__(
            directory, {"listen": self.listen, **(milter or {})}, **more)

    def main_cf(self, **settings):
        """Parameters of main.cf that lead there, with no macro lines."""
        return {"smtpd_milters": self.listen, **settings}


def answers(path):
    """Does anybody listen at this unix socket?"""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
            return True
        except OSError:
            return False
