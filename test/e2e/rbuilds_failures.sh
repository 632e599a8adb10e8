#!/bin/sh
# What goes wrong in builds: inputs with another hash, versions that are gone, full disks, interruptions.
. "$(dirname "$0")/lib.sh"
[ -x "$ENCLAVEBOX_BUILD/tools/eif/eif" ] || skip "the tools are not built"

cache=$(info cache)
pin=$(awk '$3 == "base-files"' "$top/rbuilds/inputs.lock")
sha=${pin##* }
file=$(echo "$pin" | awk '{ print $5 }')
XDG_CACHE_HOME=$tmp/cache
export XDG_CACHE_HOME
mkdir -p "$tmp/cache/enclavebox/inputs"

# A cached input that was changed is named, and nothing is made of it.
echo changed >"$tmp/cache/enclavebox/inputs/$sha"
expect_status 65 rbuilds --output "$tmp/out.d" --cmd make_apps
expect_text "$tmp/err" "$file is not the file that"
[ ! -e "$tmp/out.d/rootfs.cpio" ] || fail "an image was made of a changed input"

# A lock line of another shape is told with its place.
sed 's/^userland binary bash /userland bash /' "$top/rbuilds/inputs.lock" >"$tmp/bad.lock"
RBUILDS_LOCK=$tmp/bad.lock expect_status 78 rbuilds --cmd make_apps
grep -qE 'bad.lock:[0-9]+: not a line' "$tmp/err" || fail "no place of the wrong line"

# What the mirror sends is held against the lock too, and a version that is gone has a way out.
if [ -d "$cache/apt/lists" ] && timeout 10 apt-get -q update --print-uris >/dev/null 2>&1; then
    mkdir -p "$tmp/cache/enclavebox/apt"
    cp -r "$cache/apt/lists" "$tmp/cache/enclavebox/apt/"
    touch "$tmp/cache/enclavebox/apt/fresh"
    awk '$3 == "base-files" { $6 = sprintf("%064d", 7) } $1 != "userland" || $3 == "base-files"' "$top/rbuilds/inputs.lock" >"$tmp/other.lock"
    RBUILDS_LOCK=$tmp/other.lock expect_status 65 rbuilds --output "$tmp/out.d" --cmd make_apps
    expect_text "$tmp/err" "$file is not the file that"
    sed 's/ base-files [^ ]* / base-files 0.1-1 /' "$tmp/other.lock" >"$tmp/gone.lock"
    RBUILDS_LOCK=$tmp/gone.lock expect_status 69 rbuilds --output "$tmp/out.d" --cmd make_apps
    expect_text "$tmp/err" "no longer offers base-files 0.1-1"
    expect_text "$tmp/err" update_lock
fi
unset RBUILDS_LOCK

# A kernel build that is interrupted: gone at once, with all it started, no file under a final name.
kernel_sha=$(awk '$1 == "kernel" { print $6 }' "$top/rbuilds/inputs.lock")
if [ -f "$cache/inputs/$kernel_sha" ] && command -v flex >/dev/null; then
    ln "$cache/inputs/$kernel_sha" "$tmp/cache/enclavebox/inputs/" 2>/dev/null || cp "$cache/inputs/$kernel_sha" "$tmp/cache/enclavebox/inputs/"
    for signal in TERM INT; do
        # A shell's background jobs ignore INT; setsid's child does not.
        start interrupted setsid -w env --default-signal=INT "$top/rbuilds/rbuilds.sh" --cmd make_kernel
        wait_for 120 sh -c "ls -d $tmp/cache/enclavebox/work/kernel.*/source/arch"
        folder=$(echo "$tmp"/cache/enclavebox/work/kernel.*)
        kill -s $signal "${folder##*.}"
        wait "$started"
        [ $? -ge 128 ] || fail "exit status after SIG$signal"
        expect_equal "left by SIG$signal" "$(find "$tmp/cache/enclavebox/work" "$tmp/cache/enclavebox/kernel" -mindepth 1 2>/dev/null)" ""
        if pgrep -f "$tmp/cache" >"$tmp/left"; then fail "processes left by SIG$signal: $(cat "$tmp/left")"; fi
    done
    # Killed without a chance to clean: the next run does.
    mkdir -p "$tmp/cache/enclavebox/work/kernel.4194999/source"
    expect_status 0 rbuilds --cmd list_enclaves
    [ ! -e "$tmp/cache/enclavebox/work/kernel.4194999" ] || fail "a dead run's folder was not swept"
fi

# Full disks: before a long build, and in the middle of writing.
[ "$(id -u)" -eq 0 ] || exit 0
mkdir "$tmp/small"
mount -t tmpfs -o size=6m none "$tmp/small" || exit 0
mounts_made=$tmp/small
XDG_CACHE_HOME=$tmp/small expect_status 74 rbuilds --cmd make_kernel
grep -qE 'needs [0-9]+ MiB in .*small' "$tmp/err" || fail "no word of the full disk: $(cat "$tmp/err")"
rm -rf "$tmp/small/enclavebox"
XDG_CACHE_HOME=${cache%/enclavebox}
if [ -f "$cache/inputs/$sha" ]; then
    expect_status 74 rbuilds --output "$tmp/small" --cmd make_apps
    expect_text "$tmp/err" "disk is full"
    expect_equal "left on the full disk" "$(find "$tmp/small" -type f)" ""
fi
