# shellcheck shell=bash
# The cache: content-addressed folders that appear whole or not at all, and room on the disk that holds them.
#   inputs/SHA256            a pinned input file
#   kernel/KEY/              bzImage, config, cmdline
#   emulator/KEY/            qemu-system-x86_64, firmware
#   apt/                     a private package index (lib/apt.sh)
#   work/                    folders of running builds, swept when their owner is gone

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/enclavebox

cache_open() {
    mkdir -p "$CACHE/work" "$CACHE/inputs" 2>/dev/null ||
        die "$EX_OSERR" "cannot make the cache folder $CACHE; set XDG_CACHE_HOME to a place that can be written"
    cache_sweep
}

# Remove what interrupted runs left. A work folder is named after its owner's process id.
cache_sweep() {
    local folder pid
    for folder in "$CACHE"/work/*; do
        [[ -d $folder ]] || continue
        pid=${folder##*.}
        [[ -d /proc/$pid ]] || rm -rf "$folder"
    done
}

# work_folder NAME: print a fresh folder on the cache's file system; removed at exit.
work_folder() {
    local folder=$CACHE/work/$1.$$
    rm -rf "$folder"
    mkdir -p "$folder"
    printf '%s' "$folder"
}

work_clear() { rm -rf "$CACHE"/work/*".$$"; }

# cache_publish FOLDER FINAL: give a finished folder its final name. Someone else may have been faster.
cache_publish() {
    mkdir -p "${2%/*}"
    sync -f "$1"
    mv -T -n "$1" "$2"
    rm -rf "$1"
}

# publish_file TEMP FINAL: same for one file, replacing what was there.
publish_file() {
    sync "$1"
    mv -f "$1" "$2"
}

# with_lock NAME COMMAND...: one builder of a kind at a time; the others wait and then find the result.
# What follows a dash in NAME sets builds apart that do not meet.
with_lock() {
    local name=$1 lock; shift
    exec {lock}>"$CACHE/$name.lock"
    if ! flock -n "$lock"; then
        say "waiting for another rbuilds that makes the ${name%%-*}"
        flock "$lock"
    fi
    "$@"
    exec {lock}>&-
}

hash_of() { sha256sum | cut -c 1-32; }

sha256_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

free_mib() {
    local free
    free=$(df --output=avail -k "$1" | tail -n 1)
    printf '%d' $((free / 1024))
}

# need_room FOLDER MIB WHAT: refuse early rather than fail in the middle.
need_room() {
    local free
    free=$(free_mib "$1")
    ((free >= $2)) ||
        die "$EX_IOERR" "$3 needs $2 MiB in $1, but the disk has $free MiB left; free some or point XDG_CACHE_HOME elsewhere"
}

disk_is_full() {
    [[ $# -eq 0 ]] || ! grep -qiE 'no space left on device|disk quota exceeded' "$1" || return 0
    (($(free_mib "$(fullest_folder)") < 2))
}

# Of the folders that rbuilds writes to, the one with the least room.
fullest_folder() {
    local folder least='' fullest=$RUN_DIR free
    for folder in "$CACHE" "$OUT" "$RUN_DIR"; do
        [[ -d $folder ]] || continue
        free=$(free_mib "$folder")
        if [[ -z $least ]] || ((free < least)); then least=$free fullest=$folder; fi
    done
    printf '%s' "$fullest"
}

disk_full_sentence() {
    printf 'the disk is full: %s MiB left in %s; free some, or move XDG_CACHE_HOME, --output or TMPDIR' \
        "$(free_mib "$(fullest_folder)")" "$(fullest_folder)"
}
