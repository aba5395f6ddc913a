#!/bin/bash
# HAProxy 2.6.12 (Debian 12) and 3.0.11 (Debian 13).
#
# "server ... send-proxy check": the health check sends a PROXY header too. With
# send-proxy-v2 it says LOCAL: nobody is behind this connection. Version 1 of the
# protocol has the word UNKNOWN for that, so one would think that send-proxy
# says it.
#
# It does not: the header names a client, HAProxy's own address and the port of the
# check itself. For the server a check is a client like any other, which sits at the
# proxy's address: it is counted there, and greeted.
. "$(dirname "$0")/lib.sh"

check='
cat >/tmp/haproxy.cfg <<END
defaults
    mode tcp
    timeout connect 5s
    timeout client 5s
    timeout server 5s
listen one
    bind 127.0.0.1:2500
    server one 127.0.0.1:2525 $settings check
END
python3 -c "
import socket, subprocess
server = socket.create_server((\"127.0.0.1\", 2525))
with subprocess.Popen([\"haproxy\", \"-f\", \"/tmp/haproxy.cfg\"],
                      stderr=subprocess.DEVNULL) as proxy:
    connection, (host, port) = server.accept()
    text = connection.recv(200)
    proxy.terminate()
own = b\"PROXY TCP4 127.0.0.1 127.0.0.1 %d 2525\\r\\n\" % port
local = b\"\\r\\n\\r\\n\\0\\r\\nQUIT\\n\\x20\"
print(\"the check itself is the client\" if text == own else
      \"LOCAL\" if text.startswith(local) else text)
"
'
for debian in bookworm=2.6.12 trixie=3.0.11; do
    root "${debian%%=*}" haproxy python3
    version=$(chroot "$current" dpkg-query -W -f '${Version}' haproxy)
    [[ $version == "${debian#*=}"-* ]] || { echo "haproxy $version" >&2; exit 2; }
    expect "the check itself is the client" "$(inside "$check" send-proxy)"
    expect "LOCAL" "$(inside "$check" send-proxy-v2)"
done
