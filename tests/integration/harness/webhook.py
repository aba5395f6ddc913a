"""A real nginx that webhooks are sent to, and what came to it."""
import json
import shutil
import socket

from .ports import free_port
from .process import Process
from .wait import wait_until

# The body is logged where it is handed on.
NGINX = """
daemon off;
master_process off;
pid {place}/nginx.pid;
error_log {place}/error.log;
events {{ }}
http {{
  client_body_temp_path {place}/body;
  proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi;
  scgi_temp_path {place}/scgi;
  log_format hook escape=json '{{"uri":"$request_uri","method":"$request_method",'
    '"type":"$content_type","title":"$http_title","host":"$http_host",'
    '"authorization":"$http_authorization","body":"$request_body"}}';
  server {{
    listen 127.0.0.1:{port};
    {tls}
    access_log {place}/hooks.log hook;
    location /hang {{ proxy_pass http://127.0.0.1:{port_silent}; }}
    location / {{ proxy_pass http://127.0.0.1:{port_behind}; }}
  }}
  server {{
    listen 127.0.0.1:{port_behind};
    access_log off;
    location /broken {{ return 500; }}
    location /moved {{ return 301 http://127.0.0.1:{port}/there; }}
    location / {{ return 200; }}
  }}
}}
"""
TLS = """
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {place}/chain.pem;
    ssl_certificate_key {place}/key.pem;
"""


class Webhook:
    """issued: for https too (harness.authority). /broken, /moved and /hang do as
    they are called."""

    def __init__(self, place, issued=None):
        self.place = place
        place.mkdir()
        self.port, self.tls_port = free_port(), free_port()
        self._silent = socket.create_server(("127.0.0.1", 0))
        tls = ""
        if issued:
            (place / "chain.pem").write_text(issued.chain)
            (place / "key.pem").write_text(issued.key)
            tls = TLS.format(place=place, port=self.tls_port)
        config = place / "nginx.conf"
        config.write_text(NGINX.format(
            place=place, port=self.port, port_behind=free_port(), tls=tls,
            port_silent=self._silent.getsockname()[1]))
        self.process = Process(
            [shutil.which("nginx") or "/usr/sbin/nginx", "-c", config,
             "-e", place / "error.log"], place / "nginx.out")
        wait_until((place / "nginx.pid").exists, 10, "nginx serves")

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"

    def tls_url(self, path="", host="localhost"):
        return f"https://{host}:{self.tls_port}{path}"

    def hook(self):
        """The one request that came."""
        log = self.place / "hooks.log"
        wait_until(lambda: log.exists() and log.read_text().endswith("\n"), 15,
                   "the webhook was called")
        line, = log.read_text().splitlines()
        return json.loads(line)

    def close(self):
        self.process.close()
        self._silent.close()
