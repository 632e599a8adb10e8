#!/bin/sh
# initctl inside an enclave: tables for people, JSON for programs, and every example of its manual page as it stands there.
. "$(dirname "$0")/lib.sh"
test_image
command -v jq >/dev/null || skip "jq is not installed"

mkdir -p "$tmp/more/etc/enclavebox/services"
cat >"$tmp/more/etc/enclavebox/services/store.yaml" <<'END'
exec: [/bin/sh, -c, 'echo store opened; exec sleep infinity']
END
cat >"$tmp/more/etc/enclavebox/services/web.yaml" <<'END'
exec: [/bin/bash, -c, 'echo serving; while sleep 0.5; do echo request $((++n)); done']
requires: [store]
END
# Programs that the page's examples run: one of theirs, and an editor whose user changes something.
mkdir -p "$tmp/more/usr/bin"
printf '#!/bin/sh\necho migrated "$@"\n' >"$tmp/more/usr/bin/migrate"
printf '#!/bin/sh\necho "env: {EDITED: yes}" >>"$1"\n' >"$tmp/more/usr/bin/vi"
chmod 755 "$tmp/more/usr/bin/migrate" "$tmp/more/usr/bin/vi"
eif cpio -o "$tmp/more.cpio" --prefix rootfs "$tmp/more" 2>"$tmp/more.log" || fail "eif cpio"
build_image inside --cmdline-file "$top/rbuilds/kernel/cmdline" --ramdisk "$tmp/more.cpio"
start run "$top/rbuilds/rbuilds.sh" --follow --cmd "run_eif_image $tmp/inside.eif"
run=$started
vsock=$RBUILDS_STATE/vsock
wait_for 150 guest_answers 16
# ctl STATUS WORD...: its output in $tmp/said.
ctl() {
    wanted=$1
    shift
    in_guest 16 "timeout 20 initctl $* 2>&1; echo status=\$?" >"$tmp/said"
    expect_equal "initctl $*" "$(tail -n 1 "$tmp/said")" "status=$wanted"
    sed -i '$d' "$tmp/said"
}
web_serves() { in_guest 16 'initctl logs web' | grep -q 'request 2'; }
wait_for 30 web_serves

# Tables: a head and a line for each.
ctl 0 list
for text in SERVICE STATE shell store web running; do expect_text "$tmp/said" "$text"; done
expect_equal "lines of the list" "$(wc -l <"$tmp/said")" 4
ctl 0 status web
expect_text "$tmp/said" running
ctl 0 tree
expect_text "$tmp/said" store
ctl 0 ps
expect_text "$tmp/said" web
ctl 0 system status
expect_text "$tmp/said" running
ctl 0 logs -n 2 web
expect_equal "the last two lines" "$(grep -c 'web out: request' "$tmp/said")" 2
ctl 66 status nobody
expect_text "$tmp/said" nobody

# JSON: arrays and objects with these facts.
# fact FILTER VALUE
fact() { expect_equal "$1" "$(jq -r "$1" "$tmp/said")" "$2"; }
ctl 0 list --json
fact 'map(.name) | sort | join(" ")' 'shell store web'
fact 'map(select(.state == "running")) | length' 3
ctl 0 status --json web store
fact 'length' 2
fact '.[0].name' web
pid=$(jq '.[0].pid' "$tmp/said")
[ "$(in_guest 16 "cat /proc/$pid/comm")" = bash ] || fail "process $pid is not web's"
ctl 0 tree --json
fact 'map(.name) | index("web") != null' true
ctl 0 ps --json
fact "map(select(.pid == $pid)) | length" 1
ctl 0 ps --json "$pid"
fact 'length' 1
ctl 0 system status --json
fact 'type' object
ctl 0 logs --json -n 3 web
expect_equal "lines of the log" "$(jq -c . "$tmp/said" | wc -l)" 3

# Following: what comes after, as lines and as objects.
in_guest 16 'timeout 20 initctl logs -f -n 1 web | head -n 3' >"$tmp/said"
expect_equal "followed lines" "$(grep -c 'web out: request' "$tmp/said")" 3
in_guest 16 'timeout 20 initctl events --json | head -n 2 & sleep 0.5; initctl restart -t 30s web; wait' >"$tmp/said"
[ "$(grep '^{' "$tmp/said" | jq -r 'select(.name == "web") | .state' | head -n 1)" = stopping ] || fail "the events: $(cat "$tmp/said")"

# The page's examples, in its order. A follower ends only by its time; jq runs on the host. The last one ends the enclave.
sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/p' "$top/man/initctl.1" | sed -nE 's/^(\.Dl )?\$ //p' | sed 's/\\&//g; s/\\-/-/g' >"$tmp/examples"
[ "$(wc -l <"$tmp/examples")" -ge 7 ] || fail "the page has fewer examples than it should: $(cat "$tmp/examples")"
tail -n 1 "$tmp/examples" | grep -q 'poweroff' || fail "the last example does not end the enclave: $(tail -n 1 "$tmp/examples")"
while read -r example <&9; do
    inside=${example%% | jq *}
    case $example in
    *--remote*) continue ;; # for the host, see initctl_remote.sh
    *' -f '* | *' events'*) in_guest 16 "timeout 2 $inside 2>&1; echo status=\$?" >"$tmp/said" && wanted=124 ;;
    *poweroff*)
        # The shell that runs it may be stopped before it can say how that went; the run's end tells.
        in_guest 16 "$inside" >"$tmp/said"
        continue
        ;;
    *) in_guest 16 "timeout 60 $inside 2>&1; echo status=\$?" >"$tmp/said" && wanted=0 ;;
    esac
    expect_equal "$example" "$(tail -n 1 "$tmp/said")" "status=$wanted"
    [ "$inside" = "$example" ] || sed '$d' "$tmp/said" | sh -c "jq ${example##* | jq }" >"$tmp/judged" || fail "$example"
done 9<"$tmp/examples"
wait "$run"
expect_equal "exit status of the run" "$?" 0
# The host followed the log to its end, each line once, and saw no need for a post-mortem.
for text in 'web out: serving' 'service web stopped' 'initd: end reason=control action=poweroff status=0' 'exited with code 0'; do
    expect_text "$tmp/run.log" "$text"
done
expect_equal "lines told twice" "$(grep 'web out: request' "$tmp/run.log" | sort | uniq -d)" ""
if grep -q 'post-mortem' "$tmp/run.log"; then fail "a post-mortem of a good end"; fi
