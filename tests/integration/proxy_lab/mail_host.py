"""The lab's Postfix: one instance whose listeners differ in the faces that
guard them, so that each face is seen alone."""
import shutil
import subprocess

from harness.policyd import ANVIL_PASS
from harness.postfix import STOCK_ANVIL, pass_through
from harness.wait import PATIENCE

from .attack import NETWORK_CLIENT, XCLIENT_CLIENT
from .in_network import PostfixInNetwork, make_certificate
from .network import ipv4

# The port of each listener. With PROXY, by the faces that are asked:
ALL, ANVIL, POLICY, MILTER = 12525, 12526, 12527, 12528
# the same, chrooted:
JAILED = {ALL: 12535, ANVIL: 12536, POLICY: 12537, MILTER: 12538}
# beginning with TLS,
WRAPPED = {ALL: 10465, ANVIL: 10466, POLICY: 10467, MILTER: 10468}
# behind postscreen,
SCREENED = {ALL: 12545, ANVIL: 12546, POLICY: 12547, MILTER: 12548}
# and the others.
UNASKED_ANVIL, UNASKED_POLICY = 12551, 12552  # anvil is not asked about all
LIMITED = 12553                               # two messages for each client
OPEN = 12554                                  # as if there were no tollgate
XCLIENT, LIMITED_XCLIENT, DIRECT = 10025, 10026, 25  # without PROXY

PROXIED = [ALL, ANVIL, POLICY, MILTER, *JAILED.values(), *WRAPPED.values(),
           *SCREENED.values(), UNASKED_ANVIL, UNASKED_POLICY, LIMITED]
UNPROXIED = [XCLIENT, LIMITED_XCLIENT]  # by tollgate's word, not by Postfix's

HEADER = ("-o smtpd_upstream_proxy_protocol=haproxy "
          f"-o smtpd_upstream_proxy_timeout={2 * PATIENCE}s ")
NO_ANVIL = ("-o smtpd_client_connection_count_limit=0 "
            "-o smtpd_client_connection_rate_limit=0 ")
ASK_POLICY = ("-o smtpd_recipient_restrictions=$lab_policy "
              "-o smtpd_end_of_data_restrictions=$lab_policy ")
ASK_MILTER = "-o smtpd_milters=$lab_milter "
# Postfix 3.10 would refuse most bursts by itself. In jail it may.
LENIENT = "-o smtpd_forbid_unauth_pipelining=no "
UNASKED = ("-o smtpd_client_event_limit_exceptions=$mynetworks "
           f"-o smtpd_authorized_xclient_hosts={XCLIENT_CLIENT} ")
XCLIENT_HOST = f"-o smtpd_authorized_xclient_hosts={ipv4('nginx')} "

GUARDED = {
    ALL: ASK_POLICY + ASK_MILTER,
    ANVIL: "",
    POLICY: NO_ANVIL + ASK_POLICY,
    MILTER: NO_ANVIL + ASK_MILTER,
}
SERVICES = {
    **{port: HEADER + LENIENT + asks for port, asks in GUARDED.items()},
    **{JAILED[port]: HEADER + asks for port, asks in GUARDED.items()},
    **{WRAPPED[port]: HEADER + asks + "-o smtpd_tls_wrappermode=yes"
       for port, asks in GUARDED.items()},
    UNASKED_ANVIL: HEADER + UNASKED + LENIENT,
    UNASKED_POLICY: HEADER + UNASKED + LENIENT + ASK_POLICY,
    LIMITED: HEADER + ASK_POLICY,
    OPEN: HEADER + LENIENT + NO_ANVIL,
    XCLIENT: XCLIENT_HOST + ASK_POLICY,
    LIMITED_XCLIENT: XCLIENT_HOST + ASK_POLICY,
    DIRECT: ASK_POLICY + ASK_MILTER,
}
POSTSCREEN = "".join(f"""
smtpd-{port} pass - - n - - smtpd {asks}
{SCREENED[port]} inet n - n - 1 postscreen
  -o smtpd_service_name=smtpd-{port}
  -o postscreen_upstream_proxy_protocol=haproxy
  -o postscreen_upstream_proxy_timeout={2 * PATIENCE}s
""" for port, asks in GUARDED.items())
MAIN = {
    "inet_protocols": "all",
    "inet_interfaces": "all",
    "mynetworks": "127.0.0.0/8, [::1]/128, " + NETWORK_CLIENT,
    # Both limits above 0, so that Postfix looks at anvil's answer.
    "smtpd_client_connection_count_limit": 1000,
    "smtpd_client_connection_rate_limit": 100000,
    "smtpd_tls_security_level": "may",
    "postscreen_greet_wait": "1s",
    "postscreen_greet_action": "ignore",
    "postscreen_cache_map": "",  # there are several
    "smtpd_timeout": "20s",
    "default_process_limit": 200,
    # smtpd 3.7 ends with "fatal" at a LOCAL header and a RST, and master then
    # waits that long with the next one.
    "service_throttle_time": "1s",
    # How long a policyd that is stopped is waited for, and twice; the helper
    # answers in its place after ten seconds.
    "ipc_timeout": "20s",
    "lab_policy": "check_policy_service { unix:tollgate/policy, "
    f"timeout={2 * PATIENCE}s, "
    "{ default_action = 451 4.3.5 Error: no policy service } }",
    # A refusal must not depend on what Postfix does without a milter.
    "lab_milter": "{ unix:tollgate-milter/milter, "
    f"connect_timeout={2 * PATIENCE}s, command_timeout={3 * PATIENCE}s, "
    "default_action=accept }",
    "non_smtpd_milters": "unix:tollgate-milter/milter",
    "milter_macro_daemon_name": "mail.example",
}


class MailHost(PostfixInNetwork):
    """anvil_socket: where the helper finds policyd; None: policyd itself is
    to take anvil's place."""

    port = ALL  # one of Postfix's own
    listeners = SERVICES
    lines = POSTSCREEN

    def __init__(self, network, directory, anvil_socket):
        directory.mkdir()
        directory.chmod(0o755)
        anvil, main = STOCK_ANVIL, {"master_service_disable": "anvil/unix"}
        if anvil_socket is not None:
            helper = shutil.copy(ANVIL_PASS, directory)
            anvil, main = pass_through(helper, anvil_socket), {}
        super().__init__(
            network, directory / "postfix", address=ipv4("mail"),
            port=self.port, anvil=anvil,
            services={str(port): options
                      for port, options in self.listeners.items()},
            main={**MAIN, **main,
                  "smtpd_tls_chain_files": make_certificate(directory)})

    def _write_main_cf(self, *arguments):
        """What is set twice is set as it came last."""
        super()._write_main_cf(*arguments)
        path = self.etc / "main.cf"
        values = dict(line.split(" =", 1)
                      for line in path.read_text().splitlines() if line)
        path.write_text("".join(f"{name} ={value}\n"
                                for name, value in values.items()))

    def _write_master_cf(self, services, chroot, anvil):
        super()._write_master_cf(services, chroot, anvil)
        path = self.etc / "master.cf"
        text = path.read_text()
        for port in JAILED.values():
            text = text.replace(f"\n{port} inet n - n ", f"\n{port} inet n - y ")
        path.write_text(text + self.lines)

    def submit(self, sender):
        """By sendmail: no smtpd has anything to do with it."""
        subprocess.run(
            ["sendmail", "-C", str(self.etc), "-f", sender,
             "user@test.example"], input=b"Subject: x\n\nx\n", check=True,
            timeout=30)
