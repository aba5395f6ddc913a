# valgrind.sh - memcheck over unit tests and over daemons that really serve.
# Sourced by ./check, not run. An error and a block that is lost for certain is
# a failure, in a child that a test has forked too; there are no suppressions.

# All unit tests but these, which hold without it:
# - they make keys for seconds, or read thousands of files or inputs;
valgrind_without="test_certs test_certs_large test_certs_report test_chain
test_choice test_publish test_publish_again test_sni_session test_source
test_source_many fuzz_chain fuzz_config"
# - they have bounds of time, or wait for those of Redis;
valgrind_without+=" test_connection test_edicts test_greeting test_http
test_listener test_reader test_redis_instances test_redis_outage
test_redis_store test_trust"
# - memcheck knows neither pidfd_open nor pidfd_getfd, and all that it runs has
#   one executable and one name.
valgrind_without+=" test_accept_guard test_command_helper test_peer_cause test_peer_proof test_peer_refused
test_unix_socket"

# A short run, in every ./check: cheap unit tests, and lives of both daemons
# with Postfix, Redis and certificates, from start to reload and end.
part_memcheck() {
    local build=$top/build folder=$top/build-valgrind
    valgrind_prepare "$build" "$folder" || return
    part_build_tests "$build" || return
    part_make_check memcheck-unit "$build" "TESTS=$(
        part_programs "$build" "$valgrind_without" tests/unit tests/fuzz)" \
        "LOG_COMPILER=$valgrind_run"
    valgrind_pytest memcheck "$folder" -k "several_questions_over_one or \
        reload_takes_the_new or byte_by_byte or term_closes_idle or \
        test_a_reload_takes_a_new or term_finishes"
    valgrind_judge memcheck "$folder"
}

# The milter has threads and libmilter's memory. Not here: bounds of time and
# memory, thousands of descriptors (memcheck keeps the soft limit that it began
# with), proofs and successors (none knows its predecessor by its name).
part_valgrind() {
    local folder=$top/build-valgrind
    valgrind_prepare "$top/build" "$folder" || return
    valgrind_pytest valgrind "$folder" -k "(milter_protocol or milter_limits \
        or milter_lifecycle or bad_input and not memory and not thousands) \
        and not restart"
    valgrind_judge valgrind "$folder"
}

# Daemons under memcheck in FOLDER, which looks like a build folder to the
# tests. Sets valgrind_run, the command that goes before a program.
valgrind_prepare() {
    local build=$1 folder=$2 program
    (packages_install $packages_valgrind) ||
        { failures+=("packages for memcheck"); return 1; }
    part_build "$build" || return
    rm -rf "$folder" && mkdir -p "$folder/logs" && chmod 1777 "$folder/logs"
    valgrind_run="valgrind --vgdb=no --leak-check=full"
    valgrind_run+=" --show-leak-kinds=definite"
    valgrind_run+=" --errors-for-leak-kinds=definite"
    valgrind_run+=" --log-file=$folder/logs/%p"
    for program in tollgate-policyd tollgate-milter; do
        printf '#!/bin/sh\nexec %s "$@"\n' "$valgrind_run $build/$program" \
            >"$folder/$program"
        chmod 755 "$folder/$program"
    done
    ln -s "$build/tollgate-anvil-pass" "$build/tollgatectl" "$folder"
}

# Leaks show when a daemon ends by itself, not when a fixture kills it.
valgrind_pytest() {
    TOLLGATE_END_GENTLY=1 part_run_pytest "$@"
}

# Of a process that was killed there is no sum, but what was found before.
valgrind_findings='^==[0-9]+== (ERROR SUMMARY|Invalid|Conditional jump|Use of'
valgrind_findings+='|Syscall param|Mismatched|Source and destination'
valgrind_findings+='|Process terminating .*(SEGV|ABRT|BUS|ILL|FPE))'

valgrind_judge() {
    local log daemons=0
    for log in "$2"/logs/*; do
        if grep -qE "$valgrind_findings" "$log" &&
            ! grep -q 'ERROR SUMMARY: 0 errors' "$log"; then
            head -n 60 "$log"
            failures+=("$1: memcheck: $log")
        elif grep -q "Command: $top/build/tollgate-" "$log" &&
            grep -q 'ERROR SUMMARY' "$log"; then
            daemons=$((daemons + 1))
        fi
    done
    echo "$1: $daemons daemons came to their end without an error"
    [ "$daemons" -gt 0 ] || failures+=("$1: not one daemon came to its end")
}
