"""How kinds of mail hosts make main.cf and master.cf at a start, from files of
their own, as far as lines of doctor --for go into these."""
import json
import os
import pathlib
import random
import re
import subprocess

from .clinic import age, tollgatectl

CUT = "# User overrides\n"


def lines_for(host, config, etc):
    """(exit status, the lines for main.cf's place, those for master.cf's)"""
    done = tollgatectl("-c", config, "-j", "doctor", "--for", host,
                       f"--postfix-config={etc}")
    assert done.stderr == "", done.stderr
    told = json.loads(done.stdout)["result"]["for"]
    assert told["host"] == host and told["then"]
    return done.returncode, *(it["lines"] for it in told["files"])


class HostFiles:
    """helper: where the helper is here, for the one that lines name."""

    def __init__(self, etc, helper, dice=None):
        self.etc, self.helper = etc, helper
        self.dice = dice or random.Random(1)
        self.stock = {name: (etc / name).read_bytes()
                      for name in ("main.cf", "master.cf")}
        self.main, self.master = [], []

    def here(self, lines):
        return [re.sub(r"argv=/\S*/tollgate-anvil-pass",
                       f"argv={self.helper}", line) for line in lines]

    def add(self, main, master):
        """In any order: no line may need another."""
        for kept, new in ((self.main, main), (self.master, master)):
            new = self.here(new)
            self.dice.shuffle(new)
            kept += new

    def _restore(self, *names):
        for name in names:
            (self.etc / name).write_bytes(self.stock[name])
        age(self.etc)

    def _shell(self, script):
        done = subprocess.run(
            ["sh", "-ec", script], check=False, timeout=60, text=True,
            capture_output=True, env={
                "MAIL_CONFIG": str(self.etc),
                "PATH": os.environ["PATH"] + ":/usr/sbin"})
        assert (done.returncode, done.stderr) == (0, ""), (script, done.stderr)
        age(self.etc)


class Plain(HostFiles):
    """A shell, once; the files stay."""

    def add(self, main, master):
        super().add(main, master)
        for line in (*self.main, *self.master):
            self._shell(line)

    def start(self):
        pass


class DockerMailserver(HostFiles):
    """Both files are the image's in each new container, and user-patches.sh is
    run then."""

    def start(self):
        self._restore("main.cf", "master.cf")
        lines = [*self.main, *self.master]
        self.dice.shuffle(lines)
        self._shell("\n".join(lines))


class Mailcow(HostFiles):
    """main.cf is cut behind a comment at each start and extra.cf comes behind
    that; master.cf is the host's, and stays."""

    def __init__(self, etc, helper, dice=None):
        super().__init__(etc, helper, dice)
        self.stock["main.cf"] += CUT.encode()

    def add(self, main, master):
        super().add(main, master)
        for line in self.here(master):
            self._shell(line)

    def start(self):
        path = pathlib.Path(self.etc / "main.cf")
        kept = path.read_text().split(CUT)[0]
        path.write_text(kept + CUT + "\n".join(["", *self.main, ""]))
        age(self.etc)


class Mailu(HostFiles):
    """Both files are rendered at each start, then each line of the overrides
    goes to postconf, through a shell."""

    def start(self):
        self._restore("main.cf", "master.cf")
        for option, lines in (("-e", self.main), ("-Me", self.master)):
            for line in lines:
                self._shell(f'postconf {option} "{line}"')


HOST_FILES = {"plain": Plain, "docker-mailserver": DockerMailserver,
              "mailcow": Mailcow, "mailu": Mailu}
