#!/bin/bash
# Postfix 3.7.11 with OpenSSL 3.0 (Debian 12), 3.10.13 with 3.5 (Debian 13).
#
# A client whose first key share the server does not take is told so
# (HelloRetryRequest) and greets once more, with the same server name. One would
# think that smtpd looks in tls_server_sni_maps once for a session, or once for each
# greeting.
#
# It depends on the answer: a name that is found is asked for once, one that is
# not is asked for again with each greeting, with all of its domains.
. "$(dirname "$0")/lib.sh"

settings='smtpd_tls_security_level = may
smtpd_tls_chain_files = /etc/postfix/chain
tls_eecdh_auto_curves = prime256v1
tls_server_sni_maps = socketmap:inet:127.0.0.1:7777:sni'
ask='
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -days 30 -subj /CN=host.example -keyout /tmp/key -out /tmp/cert 2>/dev/null
cat /tmp/key /tmp/cert >/etc/postfix/chain
cat >/tmp/map.py <<END
import base64, socketserver
class Map(socketserver.StreamRequestHandler):
    def handle(self):
        while size := b"".join(iter(lambda: self.rfile.read(1), b":")):
            key = self.rfile.read(int(size) + 1)[:-1].split()[1].decode()
            print(key, flush=True)
            said = b"NOTFOUND "
            if key == "known.example":
                with open("/etc/postfix/chain", "rb") as chain:
                    said = b"OK " + base64.b64encode(chain.read())
            self.wfile.write(b"%d:%s," % (len(said), said))
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(("127.0.0.1", 7777), Map).serve_forever()
END
python3 /tmp/map.py >/tmp/asked 2>/tmp/errors &
until echo >/dev/tcp/127.0.0.1/7777; do :; done 2>/dev/null
postfix start >/dev/null 2>&1
for name in known.example a.unknown.example; do
    echo QUIT | openssl s_client -starttls smtp -connect 127.0.0.1:2525 \
        -servername "$name" -groups X448:P-256 >/dev/null 2>&1
done
postfix stop >/dev/null 2>&1
cat /tmp/asked
'
for debian in bookworm=3.7.11-0+deb12u1 trixie=3.10.13-0+deb13u1; do
    root "${debian%%=*}" "postfix=${debian#*=}" openssl python3
    expect "known.example
a.unknown.example
.unknown.example
.example
a.unknown.example
.unknown.example
.example" "$(inside "$postfix_alone$ask" "$settings")"
done
