# fuzz.sh - each fuzz target with libFuzzer. Sourced by ./check, not run.
#
# It needs processors only, and the tests mostly wait: so it is built and run
# beside the parts that come before it, with what they leave.

fuzz_pid=

# What was asked for goes on in the background, until part_fuzz or fuzz_stop.
fuzz_start() {
    local build=$top/build-fuzz
    (packages_install $packages_fuzz) || return
    mkdir -p "$build" && build_logged "$build/bootstrap.out" build_bootstrap ||
        return
    # A group of its own, which can be ended as a whole.
    set -m
    (renice -n 19 "$BASHPID" >/dev/null
        fuzz_build "$build" && cd "$build" &&
            srcdir=$top exec "$top/tests/fuzz/run" "$fuzz_seconds") \
        >"$build/fuzz.out" 2>&1 </dev/null &
    set +m
    fuzz_pid=$!
}

fuzz_build() {
    build_tree "$1" CC=clang CFLAGS="-g -O1" --enable-fuzzing \
        --enable-sanitize=address,undefined,fuzzer-no-link &&
        build_logged "$1/targets.out" make -C "$1" -j"$(nproc)" fuzz-targets
}

fuzz_stop() {
    [ -z "$fuzz_pid" ] || kill -- "-$fuzz_pid" 2>/dev/null
    fuzz_pid=
}

# Each of the parsers takes any bytes: see tests/fuzz.
part_fuzz() {
    local status=0 output=$top/build-fuzz/fuzz.out
    [ -n "$fuzz_pid" ] || { failures+=("fuzz: nothing was started"); return; }
    tail -n +1 -s 0.2 -f --pid="$fuzz_pid" "$output"
    wait "$fuzz_pid" || status=$?
    fuzz_pid=
    part_count_cases fuzz "$status" "$output"
}
