"""A private Postfix instance; the system's own is never touched.

Everything it has lies in one directory: configuration, queue, data and log.
Mail for test.example is accepted and discarded. Needs root, because master
does, and the users that the package brings.
"""
import fcntl
import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess

from .logfile import LogFile
from .ports import is_taken
from .process import group_has_ended, has_ended
from .wait import PATIENCE, wait_until

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
maillog_file = {log}
maillog_file_prefixes = /tmp, /var
myhostname = {hostname}
mydestination = test.example
mynetworks =
inet_interfaces = {interfaces}
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
local_transport = discard:
default_transport = discard:
smtpd_peername_lookup = no
smtpd_client_event_limit_exceptions =
smtpd_relay_restrictions = permit_auth_destination, reject
smtpd_recipient_restrictions =
"""

# Services without which smtpd cannot queue a message, and the log.
MASTER_CF = """
pickup    unix  n - n 60   1 pickup
cleanup   unix  n - n -    0 cleanup
qmgr      unix  n - n 300  1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -    - trivial-rewrite
bounce    unix  - - n -    0 bounce
defer     unix  - - n -    0 bounce
trace     unix  - - n -    0 bounce
verify    unix  - - n -    1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -    - proxymap
smtp      unix  - - n -    - smtp
showq     unix  n - n -    - showq
error     unix  - - n -    - error
retry     unix  - - n -    - error
discard   unix  - - n -    - discard
scache    unix  - - n -    1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

STOCK_ANVIL = "anvil unix - - n - 1 anvil"


def pass_through(helper, socket_path, when_down=None, user="nobody"):
    """The master.cf line that puts the helper in anvil's place."""
    option = f" --when-down={when_down}" if when_down else ""
    return (f"anvil unix - n n - 0 spawn -n anvil user={user} "
            f"argv={helper} {socket_path}{option}")


@functools.cache
def _installed(parameter):
    return pathlib.Path(subprocess.run(
        ["postconf", "-dh", parameter], check=True, timeout=60,
        capture_output=True, text=True).stdout.strip())


def _queue_folders():
    """(path below the queue, user, group, mode) of each, as the package has it
    for postfix(1)."""
    users = {"$mail_owner": "postfix", "$setgid_group": "postdrop",
             "root": "root", "-": None}
    files = _installed("meta_directory") / "postfix-files"
    for path, user, group, mode in re.findall(
            r"^\$queue_directory/(\w+):d:([^:]+):([^:]+):(\d+)",
            files.read_text(), re.M):
        yield path, users[user], users[group], int(mode, 8)


def _make_folder(path, user, group, mode):
    path.mkdir()
    shutil.chown(path, user, group)
    path.chmod(mode)


def _is_locked(path):
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


class Postfix:
    """services: {name in master.cf: options of that smtpd}. If not given, one
    that names its address: inet_interfaces refuses all of 127.0.0.0/8 that is
    not on an interface by itself. main: parameters of main.cf; lines: more
    of master.cf."""

    before = ()  # the words before each command that starts or steers it

    def __init__(self, directory, *, port, address="127.0.0.1", chroot=False,
                 anvil=STOCK_ANVIL, main=None, services=None, lines=(),
                 name="test"):
        self.directory = directory
        self.etc = directory / "etc"
        self.queue = directory / "queue"
        self.data = directory / "data"
        self.log = LogFile(directory / "mail.log")
        self.server = (address, port)
        self.service = f"{address}:{port}"  # what anvil's ident calls it
        for made in (directory, self.etc, self.queue):
            made.mkdir()
            made.chmod(0o755)
        _make_folder(self.data, "postfix", None, 0o700)
        self._write_main_cf(main or {}, f"{name}.example",
                            address if services else "127.0.0.1")
        self._write_master_cf(
            services or {self.service: ""}, chroot, [anvil, *lines])

    def _write_main_cf(self, parameters, hostname, interfaces):
        text = MAIN_CF.format(
            queue=self.queue, data=self.data, log=self.log.path,
            hostname=hostname, interfaces=interfaces)
        text += "".join(f"{key} = {value}\n"
                        for key, value in parameters.items())
        (self.etc / "main.cf").write_text(text)

    def _write_master_cf(self, services, chroot, lines):
        jail = "y" if chroot else "n"
        text = MASTER_CF + "".join(f"{line}\n" for line in lines)
        for service, options in services.items():
            text += f"{service} inet n - {jail} - - smtpd {options}\n"
        (self.etc / "master.cf").write_text(text)

    def master_cf(self):
        return (self.etc / "master.cf").read_text()

    @property
    def anvil_socket(self):
        return self.queue / "private" / "anvil"

    def _call(self, *argv, check=True):
        done = subprocess.run(
            [*self.before, *map(str, argv)],
            timeout=180 * PATIENCE, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False, env={**os.environ, "LC_ALL": "C"})
        assert not check or done.returncode == 0, \
            f"{argv}: {done.stdout}\n{self.log.text()}"
        return done.stdout

    def run(self, *arguments, check=True):
        """postfix(1) with our configuration."""
        return self._call("postfix", "-c", self.etc, *arguments, check=check)

    def command(self, program, *arguments):
        """What another program of Postfix's prints about this instance."""
        return subprocess.run(
            [program, "-c", str(self.etc), *arguments], check=True,
            timeout=60, capture_output=True, text=True).stdout

    def postconf(self, *arguments):
        return self.command("postconf", *arguments)

    def held(self):
        """Queue ids that mailq shows as held."""
        return re.findall(r"^(\w+)!", self.command("postqueue", "-p"), re.M)

    def release(self):
        """All that is held, at once."""
        self.command("postsuper", "-H", "ALL")
        self.command("postqueue", "-f")

    def master_pid(self):
        try:
            pid = int((self.queue / "pid/master.pid").read_text())
        except (OSError, ValueError):
            return None
        return None if has_ended(pid) else pid

    def _accepts(self):
        return is_taken(self.server)

    def start(self):
        """Not by postfix(1), which goes through the whole installation before:
        more than a second of CPU."""
        for path, *more in _queue_folders():
            if not (self.queue / path).exists():
                _make_folder(self.queue / path, *more)
        self._call(_installed("daemon_directory") / "master", "-c", self.etc,
                   "-w")
        wait_until(lambda: self.master_pid() and self._accepts(), 20,
                   lambda: f"postfix is up:\n{self.log.text()}")
        return self

    def stop(self):
        """As postfix(1) does, without its seconds of sleep. The next master may
        start."""
        self._end()
        wait_until(lambda: not any(map(_is_locked, self._locks())), 20,
                   "master has left its locks")

    def _end(self):
        """With all that master has started: an smtpd that dies later holds its
        port until then, and what comes to it is reset. The next master gets
        the port all the same, for Postfix shares it (SO_REUSEPORT)."""
        master = self.master_pid()
        os.kill(master, signal.SIGTERM)
        wait_until(lambda: group_has_ended(master), 20,
                   "master and its processes have ended")

    def _locks(self):
        return self.queue / "pid/master.pid", self.data / "master.lock"

    def restart(self):
        self.stop()
        self.start()

    def reload(self):
        """Returns when master has read its configuration again."""
        mark = self.log.mark()
        self.run("reload")
        self.log.wait_for(r"master\[\d+\]: reload", since=mark)

    def close(self):
        """For fixtures: ended whatever happened; the group is master's own."""
        pid = self.master_pid()
        if not pid:
            return
        try:
            self._end()
        except AssertionError:
            os.killpg(pid, signal.SIGKILL)
            raise
