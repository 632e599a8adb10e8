# shellcheck shell=bash
# Verify that builds are reproducible: everything is built twice, in places that have as little in common as this machine
# allows, and compared. The first takes the kernel from the cache if it is there; the second builds it anew (not with --quick).

verify() {
    local place first second user=same
    step "verify: build twice and compare"
    suite_ready
    make_kernel
    lock_fetch userland
    place=$(mktemp -d "${TMPDIR:-/var/tmp}/enclavebox-verify.XXXXXX")
    VERIFY_PLACE=$place
    chmod 755 "$place"
    need_room "$place" 4500 verify
    first=$place/a
    second=$place/another-folder-for-the-second-build/b
    mkdir -p "$first" "$second"
    verify_copy "$first" cat
    verify_copy "$second" tac
    verify_cache "$first" with-kernel
    if [[ ${OPT[quick]} == yes ]]; then verify_cache "$second" with-kernel; else verify_cache "$second" without-kernel; fi
    if ((EUID == 0)); then
        user=nobody
        chown -R "$user" "$second"
    else
        say "verify: not root, so both builds run as the same user"
    fi
    have faketime || host_packages faketime

    verify_keys "$place/authorized_keys"
    say "verify: first build in $first"
    run_group verify_build "$first" same 022 C UTC0 ''
    ((GROUP_STATUS == 0)) || die "$EX_OSERR" "verify: the first build failed"
    say "verify: second build in $second as $user"
    run_group verify_build "$second" "$user" 077 "$(other_locale)" 'XYZ-13:45' '+400d'
    ((GROUP_STATUS == 0)) || die "$EX_OSERR" "verify: the second build failed"
    verify_compare "$first/out/verify.eif" "$second/out/verify.eif"
    rm -rf "$place"
}

# Both builds get the same keys, whoever builds.
verify_keys() {
    local keys
    keys=$(remote_keys)
    VERIFY_KEYS=none
    [[ -n $keys ]] || return 0
    cp "$keys" "$1"
    chmod a+r "$1"
    VERIFY_KEYS=$1
}

verify_clear() { [[ -z ${VERIFY_PLACE:-} ]] || rm -rf "$VERIFY_PLACE"; }

# verify_copy FOLDER FILTER: the checkout as it stands, its files created in the order that FILTER gives.
verify_copy() {
    local list=$RUN_DIR/verify.list
    mkdir -p "$1/src"
    if ! git -C "$TOP" ls-files -co --exclude-standard >"$list" 2>/dev/null || [[ ! -s $list ]]; then
        (cd "$TOP" && find . -type f -not -path './build*/*') >"$list"
    fi
    # git names files that were deleted too.
    LC_ALL=C sort "$list" | "$2" | while IFS= read -r file; do
        [[ ! -f $TOP/$file ]] || printf '%s\n' "$file"
    done >"$list.order"
    tar -c -C "$TOP" --no-recursion --verbatim-files-from -T "$list.order" | tar -x -C "$1/src"
}

verify_cache() {
    local there=$1/cache/enclavebox folder
    mkdir -p "$there/inputs" "$there/kernel" "$1/home"
    cp "$CACHE"/inputs/* "$there/inputs/"
    chmod a+r "$there"/inputs/*
    folder=$(kernel_folder)
    [[ $2 != with-kernel ]] || cp -r "$folder" "$there/kernel/"
}

# verify_build PLACE USER UMASK LOCALE ZONE DATE-OFFSET
verify_build() {
    local place=$1 user=$2 offset=$6
    local -a words=(env -i PATH="$PATH" HOME="$place/home" XDG_CACHE_HOME="$place/cache" TMPDIR="$place/home" LC_ALL="$4" TZ="$5")
    [[ $user == same ]] || words=(setpriv --reuid "$user" --regid nogroup --clear-groups "${words[@]}")
    [[ -z $offset ]] || words+=(faketime -f "$offset")
    umask "$3"
    cd "$place" || return
    "${words[@]}" "$place/src/rbuilds/rbuilds.sh" --name verify --output "$place/out" --jobs "${OPT[jobs]}" \
        --user "${OPT[user]}" --host "${OPT[host]}" --authorized-keys "$VERIFY_KEYS" --cmd make_eif >&3 2>&3
}

other_locale() { locale -a | awk '$1 != "C" && $1 != "POSIX" { other = $1 } END { print other ? other : "C" }'; }

verify_compare() {
    local same=yes pcr
    printf '\n%-8s %-12s %s\n' WHAT BUILD VALUE
    printf '%-8s %-12s %s\n' SHA-256 first "$(sha256_of "$1")" '' second "$(sha256_of "$2")"
    for pcr in 0 1 2; do
        printf '%-8s %-12s %s\n' "PCR$pcr" first "$(pcr_of "$pcr" "$(<"$1.pcr")")" '' second "$(pcr_of "$pcr" "$(<"$2.pcr")")"
    done
    printf '\n'
    cmp -s "$1" "$2" || same=no
    if [[ $same == no ]]; then
        "$(tool eif)" diff "$1" "$2" || true
        die "$EX_NO" "verify: the two builds differ"
    fi
    say "verify: the two builds are the same, byte for byte"
}
