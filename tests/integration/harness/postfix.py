"""A private Postfix instance; the system's own is never touched.

Everything it has lies in one directory: configuration, queue, data and log.
Mail for test.example is accepted and discarded. Needs root, because master
does, and the users that the package brings.
"""
import os
import pwd
import re
import signal
import subprocess

from .logfile import LogFile
from .ports import is_taken
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


class Postfix:
    """services: {name in master.cf: options of that smtpd}. If not given, one
    that names its address: inet_interfaces refuses all of 127.0.0.0/8 that is
    not on an interface by itself. main: parameters of main.cf; lines: more
    of master.cf."""

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
        self._make_data_directory()
        self._write_main_cf(main or {}, f"{name}.example",
                            address if services else "127.0.0.1")
        self._write_master_cf(
            services or {self.service: ""}, chroot, [anvil, *lines])

    def _make_data_directory(self):
        self.data.mkdir()
        os.chown(self.data, pwd.getpwnam("postfix").pw_uid, 0)
        self.data.chmod(0o700)

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

    def run(self, *arguments, check=True):
        """postfix(1) with our configuration."""
        done = subprocess.run(
            ["postfix", "-c", str(self.etc), *arguments],
            timeout=180 * PATIENCE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
            env={**os.environ, "LC_ALL": "C"})
        assert not check or done.returncode == 0, \
            f"postfix {arguments}: {done.stdout}\n{self.log.text()}"
        return done.stdout

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
            os.kill(pid, 0)
            return pid
        except (OSError, ValueError):
            return None

    def _accepts(self):
        return is_taken(self.server)

    def start(self):
        self.run("start")
        wait_until(lambda: self.master_pid() and self._accepts(), 20,
                   lambda: f"postfix is up:\n{self.log.text()}")
        return self

    def stop(self):
        self.run("stop")
        wait_until(lambda: not self.master_pid(), 20, "master has ended")

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
        self.run("abort", check=False)
        try:
            wait_until(lambda: not self.master_pid(), 10, "master has ended")
        except AssertionError:
            os.killpg(pid, signal.SIGKILL)
            raise
