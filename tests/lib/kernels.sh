# kernels.sh - ./check --kernels: where Linux lets a proof work, on Debian's own
# kernels. Sourced by it, not run.
#
# A root of each Debian, with its kernel, its Postfix and programs built there,
# becomes the disk of a machine that qemu runs: emulated unless there is
# /dev/kvm, and without any network. In it tests/kernels/guest is the first
# process; it plays tests/kernels and leaves /results.xml behind.
# TOLLGATE_KERNELS names the Debians: "sid" has the newest kernel.

kernels_minutes=90 # after which a machine is ended, for each

part_kernels() {
    local suite
    if [ "$(id -u)" -ne 0 ] || [ "$(dpkg --print-architecture)" != amd64 ]; then
        failures+=("kernels: needs root, and amd64")
        return
    fi
    (packages_install $packages_root $packages_kernels) ||
        { failures+=("packages for machines"); return; }
    mkdir -p "$top/build-kernels"
    for suite in ${TOLLGATE_KERNELS:-bookworm trixie}; do
        kernels_make_disk "$suite" "$top/build-kernels/$suite" ||
            { failures+=("kernels: no machine with $suite"); continue; }
        kernels_run "$top/build-kernels/$suite"
        part_tally "kernels-$suite" junit "$top/build-kernels/$suite.xml"
    done
}

# kernels_make_disk SUITE ROOT
kernels_make_disk() {
    local wanted="$packages_build $packages_demo $packages_machine"
    debian_root_make "$1" "$2" --include="$(echo $wanted | tr ' ' ,)" &&
        debian_root_copy_source "$2" || return
    echo "building on Debian $1, and making its disk"
    debian_root_run "$2" bash -c 'set -e; top=/tollgate; cd $top
        . tests/lib/build.sh
        build_tree $top/build
        build_logged build/bench.out make -C build tests/bench/bench_proof' &&
        rm -f "$2.disk" &&
        mke2fs -q -t ext4 -d "$2" "$2.disk" 4G >/dev/null
}

# kernels_run ROOT: what the machine says is shown, and kept in ROOT.out.
kernels_run() {
    local root=$1 accelerator=tcg,thread=multi
    [ ! -w /dev/kvm ] || accelerator=kvm
    rm -f "$root.xml"
    timeout --foreground -k 10 "${kernels_minutes}m" nice qemu-system-x86_64 \
        -accel $accelerator -cpu max -smp 2 -m 2G \
        -nodefaults -no-reboot -display none -serial stdio \
        -kernel "$(echo "$root"/boot/vmlinuz-*)" \
        -initrd "$(echo "$root"/boot/initrd.img-*)" \
        -append "console=ttyS0 quiet panic=-1 root=/dev/vda rw \
init=/tollgate/tests/kernels/guest" \
        -drive "file=$root.disk,format=raw,if=virtio,cache=unsafe" \
        </dev/null 2>&1 | tee "$root.out"
    debugfs -R "dump /results.xml $root.xml" "$root.disk" 2>/dev/null
}
