#!/bin/sh
# bench_script.sh - scripts per second of store.lua in a private Redis, by
# redis-benchmark -c 1 -P 50 on 100,000 keys, against the floor of any such
# script: TIME + GET + PSETEX. Prints one JSON object; every rate is the median
# of 9 runs (or RUNS), floor and script in turn, and so is each ratio.
#
# Usage: bench_script.sh [SOCKET]. Without one it starts a Redis of its own
# ($REDIS_SERVER, else what PATH has) and ends it.
set -eu

srcdir=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
runs=${RUNS:-9}
calls=${CALLS:-100000}
temp=$(mktemp -d)
pid=
stop() {
    [ -z "$pid" ] || kill "$pid"
    wait
    rm -rf "$temp"
}
trap stop EXIT
trap 'exit 1' INT TERM

if [ $# -gt 0 ]; then
    socket=$1
else
    socket=$temp/redis.sock
    "${REDIS_SERVER:-$(command -v redis-server || command -v valkey-server)}" \
        --port 0 --unixsocket "$socket" --save '' --dir "$temp" \
        --logfile "$temp/redis.log" &
    pid=$!
fi
cli=$(command -v redis-cli || command -v valkey-cli)
benchmark=$(command -v redis-benchmark || command -v valkey-benchmark)
until [ -S "$socket" ]; do sleep 0.05; done

sed -e 's/^ *//' -e '/^--/d' -e '/^$/d' "$srcdir/common/store/store.lua" \
    > "$temp/store.lua"
echo "redis.call('TIME') redis.call('GET', KEYS[1])
redis.call('PSETEX', KEYS[1], ARGV[5], '012345678901234567') return 1" \
    > "$temp/floor.lua"
script=$("$cli" -s "$socket" -x SCRIPT LOAD < "$temp/store.lua")
floor=$("$cli" -s "$socket" -x SCRIPT LOAD < "$temp/floor.lua")

# rate NAME SHA ARGUMENTS: appends the scripts per second to $temp/NAME
rate() {
    name=$1; shift
    "$benchmark" -s "$socket" -c 1 -P 50 -n "$calls" -r 100000 --csv \
        EVALSHA "$@" | tail -1 | cut -d'"' -f4 >> "$temp/$name"
}

key='tollgate:{c=198.51.__rand_int__}m'
sliding="100 60000 1 64750"
lease="50 30000 1 identity"
run=0
while [ "$run" -lt "$runs" ]; do
    # shellcheck disable=SC2086 # words
    {
        rate floor "$floor" 1 "$key.0" cs $sliding
        rate sliding_1 "$script" 1 "$key" cs $sliding
        rate sliding_2 "$script" 2 "$key" "$key.2" css $sliding $sliding
        rate sliding_4 "$script" 4 "$key" "$key.2" "$key.3" "$key.4" cssss \
            $sliding $sliding $sliding $sliding
        rate fixed_1 "$script" 1 "$key.f" cf 0 60 1 1
        rate lease_1 "$script" 1 "$key.l" cl $lease
        rate lease_fixed "$script" 2 "$key.l" "$key.f" clf 0 30000 1 identity \
            0 60 1 1
    }
    run=$((run + 1))
done

median() { sort -n "$1" | sed -n "$(((runs + 1) / 2))p"; }
printf '{'
for name in floor sliding_1 sliding_2 sliding_4 fixed_1 lease_1 lease_fixed; do
    printf '"%s_per_s": %.0f, ' "$name" "$(median "$temp/$name")"
done
paste "$temp/sliding_1" "$temp/floor" | awk '{ print $1 / $2 }' > "$temp/ratio"
printf '"sliding_1_over_floor": %.3f}\n' "$(median "$temp/ratio")"
