# shellcheck shell=bash
# The lock file: every input by package, version, file name and SHA-256. Nothing enters a build but through here.
# A line is: ROLE KIND PACKAGE VERSION FILE SHA256; KIND is binary or source, ROLE says who uses it.

LOCK=${RBUILDS_LOCK:-$RBUILDS/inputs.lock}

# Roles and what update_lock looks up for them; the sample userland is listed in sample/packages.
lock_wishes() {
    printf '%s\n' "kernel binary linux-source-$KERNEL_SERIES" 'emulator source qemu' 'emulator binary meson' \
        'emulator binary python3-pycotap' 'firmware binary seabios' 'firmware binary qemu-system-data'
    sed -E '/^[[:space:]]*(#|$)/d; s/^/userland binary /' "$RBUILDS/sample/packages"
}

# lock_lines ROLE: print the lines of a role; refuse a line of another shape.
lock_lines() {
    [[ -r $LOCK ]] || die "$EX_NOINPUT" "there is no lock file $LOCK; make one with --cmd update_lock"
    awk -v role="$1" -v lock="$LOCK" '
        /^[[:space:]]*(#|$)/ { next }
        NF != 6 || ($2 != "binary" && $2 != "source") || length($6) != 64 || $6 ~ /[^0-9a-f]/ || $5 ~ /\// {
            printf "rbuilds: %s:%d: not a line of the form ROLE KIND PACKAGE VERSION FILE SHA256\n", lock, NR > "/dev/stderr"
            exit 78
        }
        $1 == role { print }' "$LOCK" || { : >"$RUN_DIR/said"; exit "$EX_CONFIG"; }
}

# lock_fetch ROLE: see that every file of a role is in the cache with the right hash; download what is missing.
lock_fetch() {
    local lines kind package version file sha
    local -a binaries=() sources=()
    lines=$(lock_lines "$1")
    [[ -n $lines ]] || die "$EX_CONFIG" "$LOCK pins nothing for the $1; renew it with --cmd update_lock"
    while read -r _ kind package version file sha; do
        if [[ -f $CACHE/inputs/$sha ]]; then
            input_check "$CACHE/inputs/$sha" "$file" "$sha"
        elif [[ $kind == source ]]; then
            sources+=("$package=$version")
        else
            binaries+=("$package=$version")
        fi
    done <<<"$lines"
    if ((${#binaries[@]} + ${#sources[@]} > 0)); then lock_download "$1" "$lines"; fi
}

lock_download() {
    local role=$1 lines=$2 folder path kind package version file sha pair
    local -a fetch
    need_room "$CACHE" 600 "fetching the $role inputs"
    apt_refresh
    folder=$(work_folder "fetch-$role")
    while read -r _ kind package version _ _; do
        apt_has "$package" "$version" "$kind" || { apt_refresh always && apt_has "$package" "$version" "$kind"; } ||
            die "$EX_UNAVAILABLE" "the mirror no longer offers $package $version, which $LOCK pins;" \
                "--cmd update_lock pins what it offers now"
    done <<<"$lines"
    say "fetching the $role inputs: $(awk '{ print $3 }' <<<"$lines" | sort -u | tr '\n' ' ')"
    for pair in binary:download 'source:source --download-only --only-source'; do
        mapfile -t fetch < <(awk -v kind="${pair%%:*}" '$2 == kind { print $3 "=" $4 }' <<<"$lines" | sort -u)
        ((${#fetch[@]} > 0)) || continue
        # shellcheck disable=SC2086  # the command part of the pair is several words
        run_logged "fetch-$role" private env -C "$folder" apt-get -q ${pair#*:} "${fetch[@]}"
    done
    while read -r _ _ package _ file sha; do
        path=$folder/$file
        # apt-get download writes the epoch into the name, the mirror does not.
        [[ -f $path ]] || path=$(compgen -G "$folder/${package}_*.deb")
        [[ -f $path ]] || die "$EX_UNAVAILABLE" "the mirror did not deliver $file, which $LOCK pins"
        input_check "$path" "$file" "$sha"
        publish_file "$path" "$CACHE/inputs/$sha"
    done <<<"$lines"
    rm -rf "$folder"
}

input_check() {
    local found
    found=$(sha256_of "$1")
    [[ $found == "$3" ]] ||
        die "$EX_DATAERR" "$2 is not the file that $LOCK pins: SHA-256 $found, pinned $3 (found at $1)"
}

# lock_inputs ROLE FOLDER: lay the role's files, under their own names, into FOLDER as links.
lock_inputs() {
    local file sha
    while read -r _ _ _ _ file sha; do
        ln -sf "$CACHE/inputs/$sha" "$2/$file"
    done < <(lock_lines "$1")
}

update_lock() {
    local role kind package offer line temp
    step "update_lock: pin what $APT_SUITE offers now"
    apt_refresh always
    temp=$LOCK.$$
    {
        printf '# Inputs of a build, renewed by: rbuilds.sh --cmd update_lock\n'
        printf '# ROLE KIND PACKAGE VERSION FILE SHA256   (suite %s)\n' "$APT_SUITE"
        while read -r role kind package; do
            if [[ $kind == source ]]; then offer=$(apt_offer_source "$package"); else offer=$(apt_offer "$package"); fi
            while read -r line; do printf '%s %s %s %s\n' "$role" "$kind" "$package" "$line"; done <<<"$offer"
        done < <(lock_wishes)
    } >"$temp"
    if [[ -f $LOCK ]] && diff <(grep -v '^#' "$LOCK") <(grep -v '^#' "$temp") >"$RUN_DIR/lock.diff"; then
        rm -f "$temp"
        say "the lock file is up to date"
        return 0
    fi
    [[ ! -s $RUN_DIR/lock.diff ]] || grep '^[<>]' "$RUN_DIR/lock.diff" | awk '{ print "  " $1, $4, $5, $6 }' >&3
    publish_file "$temp" "$LOCK"
    say "wrote $LOCK"
}
