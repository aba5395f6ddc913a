"""A private Dovecot that says who may log in (smtpd_sasl_type = dovecot), and
nothing else. Needs root, because its master does."""
import subprocess

from .process import Process
from .wait import wait_until

COMMON = """
base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain
service auth {{
  unix_listener {place}/auth {{
    mode = 0666
  }}
}}
"""
# Of the version that is here; each refuses the other's.
OWN = {"2.3": """
disable_plaintext_auth = no
passdb {{
  driver = passwd-file
  args = {place}/users
}}
""", "2.4": """
auth_allow_cleartext = yes
passdb passwd-file {{
  passwd_file_path = {place}/users
}}
"""}


class Dovecot:
    """Whom users names may log in, with the password "secret"."""

    def __init__(self, place, users):
        place.mkdir()
        place.chmod(0o755)
        self._path = place / "auth"
        (place / "users").write_text(
            "".join(f"{user}:{{PLAIN}}secret\n" for user in users))
        version = subprocess.run(["dovecot", "--version"], check=True,
                                 capture_output=True, text=True).stdout[:3]
        head = "" if version == "2.3" else (
            f"dovecot_config_version = {version}.0\n"
            f"dovecot_storage_version = {version}.0\n")
        config = place / "dovecot.conf"
        config.write_text(
            (head + COMMON + OWN["2.3" if version == "2.3" else "2.4"]).format(place=place))
        self.process = Process(["dovecot", "-F", "-c", config],
                               place / "dovecot.out")
        wait_until(self._path.exists, 10, lambda: "dovecot is up:\n" +
                   self.process.text() + (place / "dovecot.log").read_text())

    def main_cf(self):
        return {"smtpd_sasl_auth_enable": "yes", "smtpd_sasl_type": "dovecot",
                "smtpd_sasl_path": self._path}

    def close(self):
        if self.process.is_running():
            self.process.terminate()
        self.process.close()
