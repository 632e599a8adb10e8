#!/bin/sh
# Who is refused, by whom, and before anything was done: keys, measurements, memory, emulated and debug evidence.
# shellcheck disable=SC2086,SC2046,SC2015,SC2154  # $trust and lists are several words
. "$(dirname "$0")/pipeline.sh"
need python3

key=$tmp/good.key
good=$(new_key good)
stranger=$(new_key stranger)
echo "$good good" >"$tmp/keys"
serve socket "$tmp/keys"

doing="a stranger's key"
# Often, since a refusal races with the hello that it crosses.
number=0
while [ $number -lt 40 ]; do
    number=$((number + 1))
    key=$tmp/stranger.key
    expect_status 77 run_there sh -c "touch $tmp/done"
    expect_text "$tmp/err" "the key $stranger is not authorised"
done
for command in shell info ping "cp :/etc/passwd $tmp/taken" "send-file $tmp/keys /etc/given" "forward -L unix:$tmp/l=tcp:127.0.0.1:9" \
    "forward --control" jobs "run -d -- touch $tmp/done"; do
    set -- $command
    name=$1
    shift
    case "$name $*" in
    "run "*) expect_status 77 call run -d "$address" -- touch "$tmp/done" ;;
    "forward "*) expect_status 77 call forward "$@" "$address" ;;
    *) expect_status 77 call "$name" "$address" "$@" ;;
    esac
done
key=$tmp/good.key
for path in "done" taken l; do [ ! -e "$tmp/$path" ] || fail "$path was made"; done
[ ! -e /etc/given ] || fail "a file was copied"
pipeline audit "$tmp/socket.audit" >"$tmp/out" || fail "the audit log"
grep -v 'is not authorised\| log  *begun ' "$tmp/out" >"$tmp/rest"
expect_equal "other lines of the audit log" "" "$(cat "$tmp/rest")"
expect_equal "refusals in the audit log" 49 "$(grep -c "connect .*$stranger is not authorised" "$tmp/out")"
passed "a stranger's key: 77, and one line in the audit log"

doing="over TCP"
start tcp pipeline serve -a "$tmp/keys" -m "emulator:$module" --jobs "$tmp/tcp.jobs" tcp:127.0.0.1:0
wait_for 10 grep -q listening "$tmp/tcp.log"
address=$(sed -n 's/.*address=\(tcp:[0-9.:]*\).*/\1/p' "$tmp/tcp.log")
expect_status 0 run_there true
key=$tmp/stranger.key
number=0
while [ $number -lt 40 ]; do
    number=$((number + 1))
    expect_status 77 run_there true
done
key=$tmp/good.key
at socket
passed "and over TCP"

doing="nobody"
: >"$tmp/none"
serve nobody "$tmp/none"
at nobody
expect_status 77 run_there true
at socket
passed "no key at all: nobody is let in"

doing="trust"
expect_status 77 pipeline run --key "$key" "$address" -- touch "$tmp/done"
nsm --device "emulator:$tmp/other" describe >/dev/null 2>&1 || fail "another emulator"
expect_status 77 pipeline run --key "$key" --root "$tmp/other/root.pem" --allow-debug "$address" -- touch "$tmp/done"
expect_status 77 pipeline run --key "$key" --root "$module/root.pem" "$address" -- touch "$tmp/done"
expect_text "$tmp/err" "debug"
[ ! -e "$tmp/done" ] || fail "something was done for a client that did not trust"
passed "another root, and zero registers: 77"

doing="measurements"
a=$(printf 'a%.0s' $(seq 96))
b=$(printf 'b%.0s' $(seq 96))
measurements() { printf '{"Measurements":{"HashAlgorithm":"Sha384 { ... }","PCR0":"%s","PCR1":"%s","PCR2":"%s"}}\n' "$1" "$a" "$a"; }
measurements "$a" >"$tmp/a.pcr"
measurements "$b" >"$tmp/b.pcr"
measured() {
    start "$1" pipeline serve -a "$tmp/keys" -m "emulator:$tmp/module-$1,measurements=$tmp/$1.pcr" --jobs "$tmp/$1.jobs" "unix:$tmp/$1"
    wait_for 10 grep -q listening "$tmp/$1.log"
}
measured a
measured b
# The root of an emulator is its own; both are trusted here, each by its calls.
from() {
    from_name=$1
    shift
    pipeline run --key "$key" --root "$tmp/module-$from_name/root.pem" "$@"
}
pipeline run --key "$key" --connect-timeout 1s "unix:$tmp/a" -- true 2>/dev/null
[ -e "$tmp/module-a/root.pem" ] || nsm --device "emulator:$tmp/module-a,measurements=$tmp/a.pcr" describe >/dev/null
[ -e "$tmp/module-b/root.pem" ] || nsm --device "emulator:$tmp/module-b,measurements=$tmp/b.pcr" describe >/dev/null
expect_status 0 from a --pcrs "$tmp/a.pcr" "unix:$tmp/a" -- true
expect_status 77 from a --pcrs "$tmp/b.pcr" "unix:$tmp/a" -- touch "$tmp/done"
expect_text "$tmp/err" "$a"
expect_text "$tmp/err" "$b"
expect_status 77 from b --pcrs "$tmp/a.pcr" "unix:$tmp/b" -- touch "$tmp/done"
[ ! -e "$tmp/done" ] || fail "another image was believed"
echo 'no json' >"$tmp/bad.pcr"
expect_status 65 from a --pcrs "$tmp/bad.pcr" "unix:$tmp/a" -- touch "$tmp/done"
expect_status 66 from a --pcrs "$tmp/absent.pcr" "unix:$tmp/a" -- touch "$tmp/done"
passed "other measurements than --pcrs: 77, with both"

doing="memory"
known=$tmp/.config/enclavebox/known_enclaves
rm -f "$known"
expect_status 0 from a "unix:$tmp/a" -- true
expect_text "$tmp/err" "$a"
expect_status 0 from a "unix:$tmp/a" -- true
expect_equal "said when known" 0 "$(wc -c <"$tmp/err")"
sed "s|unix:$tmp/a|unix:$tmp/b|" "$known" >"$known.new" && mv "$known.new" "$known"
expect_status 77 from b "unix:$tmp/b" -- touch "$tmp/done"
expect_text "$tmp/err" "is not the one seen before: PCR0 was $a and is $b"
echo 'what is this' >"$known"
from b "unix:$tmp/b" -- touch "$tmp/done" 2>/dev/null && fail "a broken known_enclaves was passed over"
[ ! -e "$tmp/done" ] || fail "another image was believed"
rm -f "$known"
passed "another image than the one before: 77"

# A peer that is not there, or no pipeline: no endless wait, no surprise.
doing="other peers"
expect_status 69 call run --connect-timeout 300ms "unix:$tmp/nobody-there" -- true
start web vcat --listen --keep "unix:$tmp/web" -- sh -c 'printf "HTTP/1.1 400 Bad Request\r\n\r\n"'
wait_for 10 test -S "$tmp/web"
expect_status 76 call run --connect-timeout 2s "unix:$tmp/web" -- true
start silent vcat --listen --keep "unix:$tmp/silent" -- sleep 60
wait_for 10 test -S "$tmp/silent"
expect_status 69 call run --connect-timeout 1s "unix:$tmp/silent" -- true
expect_status 66 pipeline run --key "$tmp/absent" "$address" -- true
chmod 644 "$tmp/good.key"
pipeline run --key "$tmp/good.key" "$address" -- true 2>"$tmp/err" && fail "a key that all may read was used"
chmod 600 "$tmp/good.key"
passed "other peers and keys are told apart"

doing="server's files"
echo "$good" | tr "[:upper:]" "[:lower:]" >"$tmp/badkeys"
expect_status 78 pipeline serve -a "$tmp/badkeys" "unix:$tmp/x"
expect_status 66 pipeline serve -a "$tmp/absent" "unix:$tmp/x"
expect_status 78 pipeline serve --check -a "$tmp/badkeys"
passed "a bad file of keys refuses to serve"
