#!/bin/sh
# Copies that are cut off: one side killed at a random moment, disks that are full, folders that are closed.
# shellcheck disable=SC2086,SC2046,SC2015,SC2154  # $trust and lists are several words
. "$(dirname "$0")/pipeline.sh"
need sha256sum od

key=$tmp/mine.key
mine=$(new_key mine)
closed=$(new_key closed)
{
    echo "$mine mine"
    [ "$(id -u)" -ne 0 ] || echo "user=65534 $closed closed"
} >"$tmp/keys"
serve socket "$tmp/keys"
server=$started
chmod 755 "$tmp"
mkdir "$tmp/there" "$tmp/here"
head -c 60000000 /dev/urandom >"$tmp/data"
sum=$(sha256sum <"$tmp/data")

random_ms() { echo $(($(od -An -N2 -tu2 /dev/urandom) % $1)); }
whole() { [ "$(sha256sum <"$1")" = "$sum" ]; }
sessions() { cat "/proc/$server/task/$server/children"; }

transfers=${TRANSFERS:-20}
doing="killed copies"
number=0
unfinished=0
resumed=0
call ping "$address" >"$tmp/out" 2>&1 || fail "ping: $(cat "$tmp/out")"
while [ $number -lt "$transfers" ]; do
    number=$((number + 1))
    case $((number % 4)) in
    0 | 1) command=send-file from=$tmp/data to=$tmp/there/copy ;;
    *) command=recv-file from=$tmp/data to=$tmp/here/copy ;;
    esac
    rm -f "$to"
    pipeline $command $trust --key "$key" --resume --progress=none "$address" "$from" "$to" >"$tmp/copy.out" 2>&1 &
    client=$!
    sleep "0.$(printf %03d "$(random_ms 250)")"
    if [ $((number % 2)) -eq 0 ]; then
        kill -KILL $client 2>/dev/null
    else
        kill -KILL $(sessions) 2>/dev/null
    fi
    wait $client 2>/dev/null
    got=$?
    if [ -e "$to" ]; then
        whole "$to" || fail "transfer $number left half a file under its name ($command, $(wc -c <"$to") bytes)"
    else
        [ $got -ne 0 ] || fail "transfer $number says that it is done, and there is no file"
        unfinished=$((unfinished + 1))
    fi
    [ -z "$(find "${to%/*}" -mindepth 1 ! -name copy -size +0 | head -1)" ] || resumed=$((resumed + 1))
    call $command --resume --progress=none "$address" "$from" "$to" >"$tmp/copy.out" 2>&1 ||
        fail "transfer $number was not resumed: $? $(tail -3 "$tmp/copy.out")"
    whole "$to" || fail "transfer $number, resumed, differs"
    expect_text "$tmp/copy.out" "${sum%% *}"
    expect_equal "files beside transfer $number" copy "$(ls -A "${to%/*}")"
done
echo "$transfers transfers, $unfinished of them cut off, $resumed of these with something to go on with"
[ "$unfinished" -gt 0 ] || fail "no transfer was cut off"
passed "a killed copy leaves nothing half, and goes on"

# told MS WANTED_TEXT COMMAND...: fails with 74, 77 or 73 within that time, naming path and reason.
told() {
    told_limit=$1
    told_path=$2
    told_reason=$3
    shift 3
    before=$(date +%s%N)
    timeout 20 "$@" >"$tmp/out" 2>"$tmp/err" && fail "no error: $*"
    took=$((($(date +%s%N) - before) / 1000000))
    expect_text "$tmp/err" "$told_path"
    expect_text "$tmp/err" "$told_reason"
    [ $took -lt "$told_limit" ] || fail "told after $took ms: $*"
}

[ "$(id -u)" -eq 0 ] || exit 0
doing="full disks"
small_disk 8M
told 1500 "$tmp/disk/copy" "No space left on device" pipeline send-file $trust --key "$key" "$address" "$tmp/data" "$tmp/disk/copy"
expect_equal "what is left there" "" "$(ls -A "$tmp/disk")"
told 1500 "$tmp/disk/copy" "No space left on device" pipeline recv-file $trust --key "$key" "$address" "$tmp/data" "$tmp/disk/copy"
expect_equal "what is left here" "" "$(ls -A "$tmp/disk")"
mkdir "$tmp/tree" && head -c 10000000 "$tmp/data" >"$tmp/tree/large"
told 1500 "large" "No space left on device" pipeline send-dir $trust --key "$key" "$address" "$tmp/tree" "$tmp/disk/tree"
[ ! -e "$tmp/disk/tree/large" ] || fail "half a file under its name"
passed "a full disk is told at once, with path and reason, either way"

doing="closed folders"
mkdir -m 700 "$tmp/private" && echo secret >"$tmp/private/file"
told 1000 "$tmp/private/copy" "Permission denied" pipeline send-file $trust --key "$tmp/closed.key" "$address" "$tmp/data" "$tmp/private/copy"
told 1000 "$tmp/private/file" "Permission denied" pipeline recv-file $trust --key "$tmp/closed.key" "$address" "$tmp/private/file" "$tmp/here/taken"
if command -v setpriv >/dev/null; then
    mkdir -m 777 "$tmp/home"
    cp "$tmp/mine.key" "$tmp/home/key" && chown 65534 "$tmp/home/key"
    chmod 755 "$module" && chmod 644 "$module/root.pem"
    chmod 666 "$tmp/socket"
    other="env HOME=$tmp/home setpriv --reuid=65534 --clear-groups pipeline"
    told 1000 "$tmp/private/copy" "Permission denied" $other recv-file $trust --key "$tmp/home/key" "$address" "$tmp/data" "$tmp/private/copy"
    told 1000 "$tmp/private/file" "Permission denied" $other send-file $trust --key "$tmp/home/key" "$address" "$tmp/private/file" "$tmp/there/taken"
fi
[ ! -e "$tmp/private/copy" ] && [ ! -e "$tmp/here/taken" ] && [ ! -e "$tmp/there/taken" ] || fail "something was copied"
told 1000 "/proc/nothing/copy" "" pipeline send-file $trust --key "$key" "$address" "$tmp/data" /proc/nothing/copy
told 1000 "$tmp/absent" "No such file" pipeline recv-file $trust --key "$key" "$address" "$tmp/absent" "$tmp/here/taken"
passed "a closed folder is told at once, with path and reason, either way"
