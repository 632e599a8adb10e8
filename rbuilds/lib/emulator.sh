# shellcheck shell=bash
# The emulator: a qemu-system-x86_64 that has the nitro-enclave machine. One on the PATH is used when it has it;
# otherwise the distribution's source is built, which leaves it out of its packages. Firmware comes from pinned packages.

readonly EMULATOR_NEEDS=(gcc libc6-dev make ninja-build pkgconf python3 python3-venv python3-setuptools dpkg-dev xz-utils
    flex bison libglib2.0-dev libcbor-dev libgnutls28-dev libfdt-dev)

emulator_has_machine() { "$1" -machine help 2>/dev/null | grep '^nitro-enclave ' >/dev/null; }

emulator_folder() {
    local key
    key=$({
        lock_lines emulator
        lock_lines firmware
        declare -f emulator_configure
        sed -n 's/^\(ID\|VERSION_ID\)=//p' /etc/os-release
    } | hash_of)
    printf '%s/emulator/%s' "$CACHE" "$key"
}

# emulator_find: print the QEMU to use, fail when there is none yet.
emulator_find() {
    local candidate
    for candidate in "$(command -v qemu-system-x86_64 || true)" "$(emulator_folder)/qemu-system-x86_64"; do
        if [[ -x $candidate ]] && emulator_has_machine "$candidate"; then printf '%s' "$candidate"; return 0; fi
    done
    return 1
}

make_emulator() {
    local found
    if [[ $(backend) == nitro ]]; then say "emulator: not needed, this is a Nitro host"; return 0; fi
    if ! found=$(emulator_find); then
        with_lock emulator emulator_build "$(emulator_folder)"
        found=$(emulator_find) || die "$EX_OSERR" "the emulator was built but has no machine nitro-enclave"
    fi
    firmware_ready
    say "emulator: $found"
}

emulator_build() {
    local final=$1 work start=$SECONDS
    [[ ! -x $final/qemu-system-x86_64 ]] || ! emulator_has_machine "$final/qemu-system-x86_64" || return 0
    rm -rf "$final"
    step "make_emulator: build QEMU $(lock_lines emulator | awk '/\.dsc / { print $4 }')"
    host_packages "${EMULATOR_NEEDS[@]}"
    lock_fetch emulator
    need_room "$CACHE" 1500 make_emulator
    work=$(work_folder emulator)
    run_logged emulator emulator_unpack "$work"
    say "configuring QEMU"
    run_logged emulator emulator_configure "$work"
    run_counted emulator 'compiling QEMU' 1500 '^\[' emulator_compile "$work"
    mkdir "$work/final"
    strip -o "$work/final/qemu-system-x86_64" "$work/build/qemu-system-x86_64"
    cache_publish "$work/final" "$final"
    rm -rf "$work"
    say "compiled QEMU in $(clock $((SECONDS - start)))"
}

# Meson and pycotap are taken from the pinned packages: the host's may be too old, and stay as they are.
emulator_unpack() {
    local package
    lock_inputs emulator "$1"
    for package in "$1"/*.deb; do dpkg-deb -x "$package" "$1/tools"; done
    dpkg-source --no-check -x "$1"/qemu_*.dsc "$1/source"
}

emulator_configure() {
    mkdir "$1/build"
    cd "$1/build" || return
    export PYTHONPATH=$1/tools/usr/lib/python3/dist-packages
    ../source/configure --python=/usr/bin/python3 --target-list=x86_64-softmmu --without-default-features --disable-download \
        --enable-tcg --enable-kvm --enable-vhost-user --enable-gnutls --enable-libcbor --enable-fdt=system \
        --disable-docs --disable-tools --disable-guest-agent --disable-user --disable-install-blobs --disable-werror
}

emulator_compile() {
    PYTHONPATH=$1/tools/usr/lib/python3/dist-packages \
        nice -n 5 ninja -C "$1/build" -j "${OPT[jobs]}" qemu-system-x86_64
}

# firmware_ready: unpack the pinned BIOS once; firmware_options prints the -L words for QEMU.
firmware_ready() {
    local final work
    final=$(firmware_folder)
    [[ ! -d $final ]] || return 0
    lock_fetch firmware
    work=$(work_folder firmware)
    mkdir "$work/final"
    lock_inputs firmware "$work"
    run_logged firmware firmware_unpack "$work"
    [[ -f $work/final/bios-microvm.bin ]] || die "$EX_DATAERR" "the pinned seabios package has no bios-microvm.bin"
    cache_publish "$work/final" "$final"
    rm -rf "$work"
}

firmware_unpack() {
    dpkg-deb --fsys-tarfile "$1"/seabios_*.deb | tar -x -C "$1/final" --strip-components 4 --wildcards \
        './usr/share/seabios/bios*.bin'
    dpkg-deb --fsys-tarfile "$1"/qemu-system-data_*.deb | tar -x -C "$1/final" --strip-components 4 --wildcards \
        './usr/share/qemu/linuxboot*.bin' './usr/share/qemu/kvmvapic.bin' './usr/share/qemu/pvh.bin' \
        './usr/share/qemu/qboot.rom'
}

firmware_folder() { printf '%s/emulator/firmware-%s' "$CACHE" "$(lock_lines firmware | hash_of)"; }
