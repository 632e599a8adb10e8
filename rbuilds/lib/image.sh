# shellcheck shell=bash
# The image: ramdisk 0 with initd, ramdisk 1 with the application and the suite, and the EIF around them.

image_name() { printf '%s' "${OPT[name]:-enclavebox}"; }
image_path() { printf '%s/%s.eif' "$OUT" "$(image_name)"; }

out_open() {
    mkdir -p "$OUT" 2>/dev/null || die "$EX_OSERR" "cannot make the folder $OUT for images; --output names another"
}

# archive OUTPUT WORD...: an archive that appears whole under its name.
archive() {
    local output=$1; shift
    run_logged "${output##*/}" "$(tool eif)" cpio -o "$output.$$" "$@"
    publish_file "$output.$$" "$output"
}

make_init() {
    local work
    suite_ready
    step "make_init: ramdisk 0"
    out_open
    work=$(work_folder init)
    (umask 022 && mkdir "$work/dev" && cp "$(tool initd)" "$work/init" && chmod 755 "$work/init" && strip "$work/init")
    archive "$OUT/init.cpio" "$work"
    rm -rf "$work"
    say "ramdisk 0: $OUT/init.cpio"
}

make_apps() {
    local work app
    local -a sources
    suite_ready
    step "make_apps: ramdisk 1 with ${OPT[app]:-the sample}"
    out_open
    work=$(work_folder apps)
    if [[ -n ${OPT[app]} ]]; then
        app_sources
    else
        sample_sources "$work"
    fi
    (umask 022 && overlay "$work/overlay" && remote_overlay "$work/overlay" "${OPT[app]:-$RBUILDS/sample/root}" &&
        network_overlay "$work/overlay" "${OPT[app]:-$RBUILDS/sample/root}")
    archive "$OUT/rootfs.cpio" --prefix rootfs "${sources[@]}" "$work/overlay"
    rm -rf "$work"
    say "ramdisk 1: $OUT/rootfs.cpio"
}

# The application as given. It must say what to start, or the enclave would boot into nothing.
app_sources() {
    app=${OPT[app]}
    if [[ -d $app ]]; then
        compgen -G "$app/etc/enclavebox/services/*.yaml" >/dev/null || die "$EX_CONFIG" "$app has no etc/enclavebox/services/*.yaml, so initd would start nothing"
        check_services "$app"
    else
        tar -tf "$app" >"$RUN_DIR/app.list" 2>/dev/null || die "$EX_DATAERR" "--app $app is neither a folder nor a tar file"
        grep -qE '^(\./|/)?etc/enclavebox/services/[^/]+\.yaml$' "$RUN_DIR/app.list" ||
            die "$EX_CONFIG" "$app has no etc/enclavebox/services/*.yaml, so initd would start nothing"
    fi
    sources=("$app")
}

# check_services ROOT: initd reads the files as it will in the enclave, and names what it does not like.
check_services() {
    "$(tool initd)" --check "$1/etc/enclavebox" >"$RUN_DIR/check.log" 2>&1 || die "$EX_CONFIG" "$(head -n 1 "$RUN_DIR/check.log")"
}

# The sample: a Debian userland straight from its packages, our accounts, our services.
sample_sources() {
    local file sha
    lock_fetch userland
    mkdir "$1/tar"
    while read -r _ _ _ _ file sha; do
        dpkg-deb --fsys-tarfile "$CACHE/inputs/$sha" >"$1/tar/$file.tar"
        sources+=("$1/tar/$file.tar")
    done < <(lock_lines userland)
    check_services "$RBUILDS/sample/root"
    mkdir "$1/sample"
    (umask 022 && cp -rL "$RBUILDS/sample/root/." "$1/sample" && normal_modes "$1/sample")
    sources+=("$1/sample")
}

# A checkout's modes depend on the umask of whoever cloned it; an image's must not.
normal_modes() {
    find "$1" -type d -exec chmod 755 {} +
    find "$1" -type f -perm /111 -exec chmod 755 {} +
    find "$1" -type f ! -perm /111 -exec chmod 644 {} +
}

# What every image gets, whatever the application: the suite and the places initd mounts on.
overlay() {
    mkdir -p "$1"/{dev,proc,sys,run,tmp}
    chmod 1777 "$1/tmp"
    suite_overlay "$1"
}

make_eif() {
    local kernel image
    local -a signing=()
    image=$(image_path)
    make_kernel
    make_init
    make_apps
    step "make_eif: $image"
    kernel=$(kernel_folder)
    [[ -z ${OPT[private-key]} ]] || signing=(--signing-certificate "${OPT[signing-certificate]}" --private-key "${OPT[private-key]}")
    run_group "$(tool eif)" build --kernel "$kernel/bzImage" --kernel-config "$kernel/config" --cmdline-file "$RBUILDS/kernel/cmdline" \
        --ramdisk "$OUT/init.cpio" --ramdisk "$OUT/rootfs.cpio" --name "$(image_name)" --version "$(suite_version)" \
        "${signing[@]}" --output "$image.$$" >"$RUN_DIR/measurements" 2>"$RUN_DIR/eif.log"
    if ((GROUP_STATUS != 0)); then rm -f "$image.$$"; log_failure eif "$RUN_DIR/eif.log"; fi
    publish_file "$image.$$" "$image"
    cp "$RUN_DIR/measurements" "$image.pcr.$$"
    publish_file "$image.pcr.$$" "$image.pcr"
    say "image: $image ($(($(stat -c %s "$image") / 1048576)) MiB), measurements: $image.pcr"
}
