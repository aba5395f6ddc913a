"""Postfix instances and policyds, joined as a deployment joins them."""
import shutil

from .policyd import ANVIL_PASS, Policyd
from .ports import free_port
from .postfix import STOCK_ANVIL, Postfix, pass_through
from .wait import PATIENT

# Longer than Postfix's minute: restarts on a busy machine take one.
UNIT = "600s"
# main.cf decides, tollgate reports what it counts.
REPORTING = {
    "main": {"smtpd_client_connection_count_limit": 3,
             "smtpd_client_message_rate_limit": 5,
             "anvil_rate_time_unit": UNIT},
    "options": {"rate_time_unit": UNIT}}
# tollgate decides; main.cf's limits must be there, and are out of reach.
DECIDING = {
    "main": {"smtpd_client_connection_count_limit": 50,
             "smtpd_client_message_rate_limit": 100,
             "anvil_rate_time_unit": UNIT},
    "options": {"client_limits_at": "anvil", "rate_time_unit": UNIT,
                "client_connection_count_limit": 3,
                "client_message_rate_limit": 5}}


class Pod:
    """One Postfix; with its policyd, unless way is "stock".

    way: "pass" (the helper under spawn), "direct" (policyd binds
    private/anvil) or "stock" (Postfix's own anvil, the model to equal).
    """

    def __init__(self, directory, keep, server, *, way, main, options,
                 sections=(), when_down=None, chroot=False):
        directory.mkdir()
        directory.chmod(0o755)
        socket_path = directory / "anvil"
        anvil = STOCK_ANVIL
        if way == "pass":
            # spawn(8) runs it as nobody, who may not be allowed to look into
            # the build directory.
            helper = shutil.copy(ANVIL_PASS, directory)
            anvil = pass_through(helper, socket_path, when_down)
        elif way == "direct":
            main = {**main, "master_service_disable": "anvil/unix"}
        self.postfix = keep(Postfix(
            directory / "postfix", address=server[0], port=server[1],
            anvil=anvil, main=main, chroot=chroot, name=directory.name))
        self.postfix.start()
        self.server = self.postfix.server
        self.policyd = None
        if way != "stock":
            listen = f"anvil-pass:unix:{socket_path}" if way == "pass" \
                else f"anvil:unix:{self.postfix.anvil_socket}"
            self.policyd = keep(Policyd(
                directory / "policyd", [listen],
                options={**PATIENT, **options},
                sections=sections))


def make_pods(place, keep, ways, *, main, options, **more):
    """One pod for each way. A service section names all their listeners, so
    that they count as one service, as pods of one deployment do whose
    master.cf is the same."""
    servers = [(f"127.0.0.{101 + i}", free_port(f"127.0.0.{101 + i}"))
               for i in range(len(ways))]
    names = [f"{address}:{port}" for address, port in servers]
    sections = [("service", "smtp", {"names": names})]
    return [Pod(place / f"pod{i}", keep, server, way=way, main=main,
                options=options, sections=sections, **more)
            for i, (way, server) in enumerate(zip(ways, servers))]
