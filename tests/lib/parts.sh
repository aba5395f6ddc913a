# parts.sh - the parts of ./check. Sourced by it, not run: adds to its
# $passed, $failures and $skips, and goes on after a failure, so that one run
# shows all of them.

part_versions() {
    packages_versions
}

# Without the unit tests that wait for clocks, and with what of integration has
# most faces in least time.
part_quick() {
    local build=$top/build slow="test_anvil_pass test_connection test_edicts
        test_http test_listener test_peer_proof test_redis_instances
        test_redis_outage test_resolver test_trust test_watch"
    local files="near_misses decision_log inet milter_protocol control_socket
        control_failures sni_face watchdog cut_material redis_full health proof
        proof_refused lifecycle"
    part_build "$build" || return
    part_build_tests "$build" || return
    part_make_check quick-unit "$build" "TESTS=$(
        part_programs "$build" "$slow" tests/unit)"
    part_pytest quick "$build" -n "$(($(nproc) * 2))" --dist loadfile \
        $(printf 'tests/integration/test_%s.py ' $files)
}

part_unit() {
    part_build "$top/build" || return
    part_run_unit "$top/build"
    part_layout
}

# By the one version of clang-format that the tree is laid out with.
part_layout() {
    if [ "$(. /etc/os-release && echo "${VERSION_ID:-}")" != 12 ]; then
        echo "the layout of the code is judged on Debian 12 alone"
        return
    fi
    (packages_install $packages_layout) ||
        { failures+=("packages for the layout"); return; }
    part_run_script layout tests/check-format "$top/build"
}

# Here alone daemons and Redis die at random for three minutes, and a whole
# mail host is soaked for two; elsewhere it is a few seconds. Other tests run
# beside them.
part_integration() {
    part_build "$top/build" || return
    TOLLGATE_RANDOM_SECONDS=${TOLLGATE_RANDOM_SECONDS:-180} \
        TOLLGATE_SOAK_SECONDS=${TOLLGATE_SOAK_SECONDS:-120} \
        part_run_integration "$top/build"
}

# Both at once.
part_soak() {
    part_build "$top/build" || return
    TOLLGATE_RANDOM_SECONDS=${TOLLGATE_RANDOM_SECONDS:-3600} \
        TOLLGATE_SOAK_SECONDS=${TOLLGATE_SOAK_SECONDS:-1200} \
        part_run_pytest soak "$top/build" -k "test_random_deaths or test_soak"
}

# A finding ends the program that has it. Daemons print where nobody reads and
# have given up root, so theirs come as files in a folder open to all.
part_sanitize() {
    local build=$top/build-sanitize reports report
    part_build "$build" --enable-sanitize=address,undefined || return
    export UBSAN_OPTIONS="print_stacktrace=1"
    part_run_unit "$build"
    reports=$(mktemp -d) && chmod 1777 "$reports"
    export ASAN_OPTIONS="log_path=$reports/sanitizer"
    export UBSAN_OPTIONS="$UBSAN_OPTIONS:$ASAN_OPTIONS"
    part_run_integration "$build"
    unset UBSAN_OPTIONS ASAN_OPTIONS
    part_sanitize_threads "$reports"
    for report in "$reports"/*; do
        [ -e "$report" ] || continue
        head -n 40 "$report"
        failures+=("sanitizer: $(grep -m 1 -E \
            'ERROR|WARNING|runtime error' "$report")")
    done
    rm -rf "$reports"
}

# The milter is the only program with threads.
part_sanitize_threads() {
    local build=$top/build-thread
    part_build "$build" --enable-sanitize=thread || return
    export TSAN_OPTIONS="log_path=$1/sanitizer"
    part_run_pytest threads "$build" -k milter
    unset TSAN_OPTIONS
}

part_trixie() {
    part_debian trixie trixie
}

# Sid, from which Debian 14 is made: what it has today may have other faults
# tomorrow, so this is no part of a run that has to pass.
part_forky() {
    part_debian forky sid
}

# part_debian PART SUITE
part_debian() {
    local folder=$top/build-$1
    mkdir -p "$folder"
    debian_root_check "$2" "$folder/root" | tee "$folder/check.out"
    part_add_sum "$1" "$(tail -n 1 "$folder/check.out")"
}

# Two at a time, machine and images: within each the tests stand in the order of
# its life.
part_packages() {
    part_build "$top/build" || return
    (packages_install $packages_root $packages_packaging) ||
        { failures+=("packages for the tests of packages"); return; }
    part_pytest packages "$top/build" -n 2 --dist loadgroup tests/packaging
}

# ACME clients of Debian against pebble. test_acme in tests/integration has the
# two that need least time.
part_acme() {
    part_build "$top/build" || return
    (packages_install $packages_acme) ||
        { failures+=("packages for the ACME clients"); return; }
    part_pytest acme "$top/build" -n 2 tests/acme
}

# Any npm will do: Debian's brings hundreds of packages.
part_cdk8s() {
    mkdir -p "$top/build"
    (packages_install python3-pytest python3-yaml
        command -v npm >/dev/null || packages_install nodejs npm) ||
        { failures+=("packages for cdk8s"); return; }
    part_pytest cdk8s "$top/build" tests/cdk8s
}

part_bench() {
    (packages_install $packages_valgrind ${bench_options:+$packages_peers}) ||
        { failures+=("packages for the benchmarks"); return; }
    part_build "$top/build" || return
    part_pytest bench-ends "$top/build" tests/bench
    TOLLGATE_BUILDDIR=$top/build tests/bench/run $bench_options |
        tee "$top/build/bench.out"
    part_add_sum bench "$(tail -n 1 "$top/build/bench.out")"
}

part_build() {
    build_tree "$1" --enable-werror "${@:2}" ||
        { failures+=("build in ${1#"$top"/}"); return 1; }
}

# The programs of `make check`, without running them.
part_build_tests() {
    build_logged "$1/programs.out" make -C "$1" -j"$(nproc)" check TESTS= ||
        { failures+=("build of the tests"); return 1; }
}

# part_programs BUILD WITHOUT FOLDER...: names of built unit tests and targets
# of the fuzzer, but those in WITHOUT.
part_programs() {
    (cd "$1" && find "${@:3}" -type f -executable \
        \( -name 'test_*' -o -name 'fuzz_*' \) | sort) |
        grep -vwF "$(printf '%s\n' $2)" | tr '\n' ' '
}

part_run_unit() {
    part_make_check unit "$1"
}

# part_make_check NAME BUILD [MAKE-ARGUMENT...]
# Twice as many at a time as processors: some wait for clocks.
part_make_check() {
    local name=$1 build=$2 status=0 before=${#failures[@]}
    find "$build" -name '*.trs' -delete
    rm -f "$build/test-suite.log"
    CMOCKA_MESSAGE_OUTPUT=TAP make -C "$build" -j"$(($(nproc) * 2))" \
        check "${@:3}" \
        >"$build/check.out" 2>&1 || status=$?
    [ "$status" -eq 0 ] || part_show_failures "$build"
    part_tally "$name" make-check "$build"
    if [ "$status" -ne 0 ] && [ ${#failures[@]} -eq "$before" ]; then
        failures+=("$name: make check, exit status $status")
    fi
}

part_show_failures() {
    if [ -e "$1/test-suite.log" ]; then
        cat "$1/test-suite.log"
    else
        tail -n 60 "$1/check.out"
    fi
}

# Mutants judge the property test: once for a release of Debian.
part_run_integration() {
    local mutants=
    [ "$1" = "$top/build" ] || mutants=--no-mutants
    # The property test is a program of `make check`.
    part_build_tests "$1"
    part_run_script property tests/property/run "$1" $mutants
    part_run_pytest integration "$1"
    if command -v valkey-server >/dev/null; then
        part_run_store valkey /usr/bin/valkey-server "$1"
    fi
    if packages_have_next_redis; then
        packages_get_next_redis "$1/next-redis" &&
            part_run_store next-redis "$1/next-redis/usr/bin/redis-server" \
                "$1" || failures+=("the next Redis could not be had")
    fi
}

# part_run_store NAME SERVER BUILD: whatever has to do with Redis, once more.
part_run_store() {
    local programs
    echo "-- with $("$2" --version)"
    export REDIS_SERVER=$2
    programs=$(cd "$3" && find tests/unit -name 'test_redis_*' -executable \
        -type f | tr '\n' ' ')
    part_make_check "$1-unit" "$3" "TESTS=$programs"
    part_run_script "$1-property" tests/property/run "$3" --no-mutants
    part_run_pytest "$1-integration" "$3" -k redis
    unset REDIS_SERVER
}

# part_run_pytest NAME BUILD [OPTION...]: several files at a time, for most of
# the time is spent waiting; conftest.py keeps them apart. Whole mail hosts are
# played once: of ours they run little that tests/integration does not.
part_run_pytest() {
    local hosts=
    [ "$2" != "$top/build" ] || hosts=tests/hosts
    part_pytest "$1" "$2" -n "$(($(nproc) * 2))" --dist loadfile "${@:3}" \
        tests/integration $hosts
}

# part_pytest NAME BUILD OPTION... FOLDER
part_pytest() {
    local results=$2/$1.xml
    rm -f "$results"
    TOLLGATE_BUILDDIR=$2 PYTHONDONTWRITEBYTECODE=1 /usr/bin/pytest-3 -q \
        -p no:cacheprovider --junitxml="$results" "${@:3}"
    part_tally "$1" junit "$results"
}

# part_run_script NAME SCRIPT BUILD [ARGUMENT...]: the script runs in the build
# folder and says of each case "ok ..." or "FAIL ..." on a line of its own; 77
# is a skip.
part_run_script() {
    if [ ! -x "$2" ]; then
        failures+=("$1: $2 is missing")
        return
    fi
    (cd "$3" && srcdir=$top TOLLGATE_BUILDDIR=$3 exec "$top/$2" "${@:4}") |
        tee "$3/$1.out"
    part_count_cases "$1" "${PIPESTATUS[0]}" "$3/$1.out"
}

# part_count_cases NAME STATUS OUTPUT, of such a script.
part_count_cases() {
    local name=$1 status=$2 output=$3 before=${#failures[@]} kind rest
    while read -r kind rest; do
        case $kind in
        ok) passed=$((passed + 1)) ;;
        FAIL) failures+=("$name: $rest") ;;
        esac
    done <"$output"
    if [ "$status" -eq 77 ]; then
        skips+=("$name: $(tail -n 1 "$output")")
    elif [ "$status" -ne 0 ] && [ ${#failures[@]} -eq "$before" ]; then
        failures+=("$name: exit status $status")
    elif ! grep -qE '^(ok|FAIL) ' "$output"; then
        failures+=("$name: no case was run")
    fi
}

# part_add_sum NAME "N passed, N failed"
part_add_sum() {
    local i
    if [[ ! $2 =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        failures+=("$1: did not come to its end")
        return
    fi
    passed=$((passed + BASH_REMATCH[1]))
    for ((i = 0; i < BASH_REMATCH[2]; i++)); do
        failures+=("$1: see above")
    done
}

part_tally() {
    local kind rest
    while read -r kind rest; do
        case $kind in
        passed) passed=$((passed + rest)) ;;
        failed) failures+=("$1 $rest") ;;
        skipped) skips+=("$1 $rest") ;;
        esac
    done < <(/usr/bin/python3 tests/lib/tally.py "$2" "$3" ||
        echo "failed tally of $3")
}

# Below 6.5 the kernel lacks SO_PEERPIDFD, and without root there is no
# Postfix to run.
skips_are_failures() {
    local major minor
    IFS=.- read -r major minor _ < <(uname -r)
    [ "$(id -u)" -eq 0 ] && ((major > 6 || (major == 6 && minor >= 5)))
}
