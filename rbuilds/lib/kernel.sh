# shellcheck shell=bash
# The enclave's kernel: the distribution's source, our configuration, the same bytes wherever and whenever it is built
# with the same compiler. kernel/config says what is in it, kernel/cmdline how it is started.

KERNEL_SERIES=6.12
# About how many steps a build prints; only the progress line depends on it.
readonly KERNEL_STEPS=1850
readonly KERNEL_NEEDS=(make gcc libc6-dev bison flex bc libelf-dev libssl-dev xz-utils zstd)

# kernel_select: take --kernel into account: a series (6.12) or a version (6.12.107) that the lock file pins.
kernel_select() {
    local wanted=${OPT[kernel]} pinned
    [[ -n $wanted ]] || return 0
    [[ $wanted =~ ^([0-9]+\.[0-9]+)(\.[0-9]+)?$ ]] || usage_error "--kernel $wanted: expected a version such as 6.12 or 6.12.107"
    KERNEL_SERIES=${BASH_REMATCH[1]}
    [[ " ${COMMANDS[*]} " != *" update_lock "* ]] || return 0
    pinned=$(lock_lines kernel | awk '{ print $4 }')
    [[ $pinned == "$wanted"-* || $pinned == "$wanted".* ]] ||
        die "$EX_CONFIG" "the lock file pins kernel $pinned, not $wanted; --kernel $KERNEL_SERIES --cmd update_lock changes that"
}

# kernel_folder: where the kernel is, or will be. The key covers everything that decides its bytes.
kernel_folder() {
    local key
    key=$({
        lock_lines kernel
        cat "$RBUILDS/kernel/config"
        declare -f kernel_compile
        printf '%s\n' "${OPT[user]}" "${OPT[host]}"
        # On a bare machine neither is there yet.
        { gcc -v 2>&1 || true; } | tail -n 1
        { ld --version 2>&1 || true; } | sed '2,$d'
    } | hash_of)
    printf '%s/kernel/%s' "$CACHE" "$key"
}

make_kernel() {
    local folder
    host_packages "${KERNEL_NEEDS[@]}"
    folder=$(kernel_folder)
    if [[ ! -f $folder/bzImage ]]; then with_lock kernel kernel_build "$folder"; fi
    say "kernel: $folder/bzImage"
}

kernel_build() {
    local final=$1 work start=$SECONDS
    [[ ! -f $final/bzImage ]] || return 0
    step "make_kernel: build the kernel $(lock_lines kernel | awk '{ print $4 }')"
    lock_fetch kernel
    need_room "$CACHE" 2500 make_kernel
    work=$(work_folder kernel)
    run_logged kernel kernel_unpack "$work"
    run_logged kernel kernel_configure "$work/source"
    kernel_check_config "$work/source/.config"
    run_counted kernel 'compiling the kernel' "$KERNEL_STEPS" '^  [A-Z]' kernel_compile "$work/source"
    mkdir "$work/final"
    cp "$work/source/arch/x86/boot/bzImage" "$work/final/bzImage"
    cp "$work/source/.config" "$work/final/config"
    cache_publish "$work/final" "$final"
    rm -rf "$work"
    say "compiled the kernel in $(clock $((SECONDS - start)))"
}

kernel_unpack() {
    lock_inputs kernel "$1"
    dpkg-deb --fsys-tarfile "$1"/linux-source-*.deb | tar -x -C "$1" --wildcards './usr/src/linux-source-*.tar.xz'
    mkdir "$1/source"
    tar -x -f "$1"/usr/src/linux-source-*.tar.xz -C "$1/source" --strip-components 1
    rm -rf "${1:?}/usr"
}

kernel_configure() {
    make -C "$1" ARCH=x86 KCONFIG_ALLCONFIG="$RBUILDS/kernel/config" allnoconfig
}

# A wish that the kernel's own dependencies dropped is an error here, not a surprise in the enclave.
kernel_check_config() {
    local line lost=''
    while read -r line; do
        case $line in
            CONFIG_*=n) ! grep -q "^${line%=n}=" "$1" || lost+=" $line" ;;
            CONFIG_*) grep -qxF "$line" "$1" || lost+=" $line" ;;
        esac
    done <"$RBUILDS/kernel/config"
    [[ -z $lost ]] || die "$EX_CONFIG" "kernel/config: this kernel does not accept$lost"
}

# Reproducible: names and times are fixed, paths are mapped away, the tree is built in place.
kernel_compile() {
    umask 022
    env -i PATH="$PATH" HOME="$1" LC_ALL=C TZ=UTC \
        KBUILD_BUILD_USER="${OPT[user]}" KBUILD_BUILD_HOST="${OPT[host]}" \
        KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970' KBUILD_BUILD_VERSION=1 SOURCE_DATE_EPOCH=0 \
        nice -n 5 make -C "$1" -j "${OPT[jobs]}" ARCH=x86 \
        KCFLAGS="-ffile-prefix-map=$1=." KAFLAGS="-ffile-prefix-map=$1=." bzImage
}
