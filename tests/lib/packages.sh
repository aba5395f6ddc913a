# packages.sh - the Debian packages that tollgate is built, shown and tested
# with, and how they get onto a bare Debian 12 or 13. Sourced, not run.
#
# The only list of them. Installs nothing while nothing is missing, so a
# machine without network can work too. Never removes a package and never
# starts a service: what we need of Postfix, HAProxy and Redis are programs;
# the system's own instances are none of our business. A failure says what to
# install by hand and ends the calling script.

packages_build="gcc libc6-dev make autoconf automake pkg-config libevent-dev \
libhiredis-dev libjansson-dev libmilter-dev libssl-dev \
libcap-ng-dev"
packages_demo="postfix postfix-cdb haproxy redis-server python3 iproute2 \
openssl"
packages_test="libcmocka-dev chromium python3-pytest python3-pytest-xdist python3-yaml \
mandoc nginx libnginx-mod-stream curl jq nftables dnsmasq-base pebble lego acme-tiny \
dovecot-core systemd tzdata"
packages_fuzz="clang llvm"
packages_layout="clang-format"
packages_coverage="gcovr"
packages_analyze="clang-tidy"
packages_peers="policyd-rate-limit rspamd"
packages_valgrind="valgrind"
packages_root="mmdebstrap debian-archive-keyring"
packages_kernels="qemu-system-x86 e2fsprogs"
packages_machine="linux-image-cloud-amd64 initramfs-tools kmod apparmor \
python3-pytest nginx libnginx-mod-stream"
packages_acme="certbot dehydrated uacme acmetool caddy apache2"
packages_docker="docker.io docker-cli docker-compose docker-buildx iptables \
iproute2 procps ca-certificates openssl python3-pytest python3-yaml"
packages_podman="podman catatonit crun netavark aardvark-dns nftables kubectl"
packages_packaging="dpkg-dev debhelper lintian fail2ban prometheus \
buildah python3-yaml python3-jsonschema docker-compose"

# Services that arrive with the packages above.
packages_services="postfix dovecot haproxy nginx redis-server valkey-server fail2ban \
prometheus rspamd policyd-rate-limit caddy apache2 certbot acmetool"

# From Debian 13 on there is Valkey beside Redis. What is not released yet has
# no number.
packages_store_variants() {
    local version
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
    if [ "${version:-13}" -ge 13 ] 2>/dev/null; then
        echo valkey-server
    fi
}

# The Redis of experimental, where apt knows of one.
packages_have_next_redis() {
    apt-cache madison redis-tools 2>/dev/null | grep -q experimental/
}

# packages_get_next_redis FOLDER: unpacked there, beside what is installed.
packages_get_next_redis() {
    rm -rf "$1"
    mkdir -p "$1/deb"
    (cd "$1/deb" && apt-get -qq download redis-tools/experimental \
        redis-server/experimental) || return
    find "$1/deb" -name '*.deb' -exec dpkg-deb -x {} "$1" \;
}

# Of what tests run that differs between releases.
packages_versions() {
    dpkg-query -W -f '${Package} ${Version}\n' postfix haproxy nginx \
        redis-server valkey-server openssl libmilter1.0.1 libevent-2.1-7 \
        libevent-2.1-7t64 libhiredis0.14 libhiredis1.1.0 libcmocka-dev gcc \
        libc6 python3 2>/dev/null
    echo "Linux $(uname -r)"
}

packages_missing() {
    local name status
    for name in "$@"; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) ||
            status=absent
        [ "$status" = installed ] || echo "$name"
    done
}

# Makes sure that all the named packages are installed.
packages_install() {
    local missing log
    missing=$(packages_missing "$@" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "missing packages; as root: apt-get install $missing" >&2
        exit 1
    fi
    echo "installing: $missing"
    log=$(mktemp)
    # A subshell, so that its clean-up runs however it ends.
    (packages_install_unasked $missing) >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        rm -f "$log"
        echo "could not install: $missing" >&2
        exit 1
    }
    rm -f "$log"
}

packages_install_unasked() {
    export DEBIAN_FRONTEND=noninteractive
    trap packages_allow_services EXIT
    trap 'exit 1' INT TERM
    packages_deny_services || return
    # A broken list of somebody else's is no reason to stop: install decides.
    apt-get -qq update || true
    # Without an answer Debian would configure a mail system of its own.
    case " $* " in *" postfix "*)
        echo "postfix postfix/main_mailer_type select No configuration" |
            debconf-set-selections ;;
    esac
    apt-get -qq -y --no-remove --no-install-recommends \
        -o Dpkg::Use-Pty=0 install "$@" || return
    packages_disable_services "$@"
}

# policy-rc.d is Debian's way to say "install it, but do not start it". An
# administrator's own is left alone: it decides then.
packages_deny_services() {
    packages_policy=
    [ ! -e /usr/sbin/policy-rc.d ] || return 0
    packages_policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$packages_policy"
    chmod 755 "$packages_policy"
}

packages_allow_services() {
    [ -z "${packages_policy:-}" ] || rm -f "$packages_policy"
}

# Or they would start at the next boot.
packages_disable_services() {
    local name unit
    for name in $packages_services; do
        case " $* " in *" $name "*) ;; *) continue ;; esac
        update-rc.d "$name" disable >/dev/null 2>&1 || true
        ! command -v systemctl >/dev/null ||
            for unit in "$name.service" "$name.timer"; do
                systemctl disable "$unit" >/dev/null 2>&1 || true
            done
    done
}
