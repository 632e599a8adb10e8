# shellcheck shell=bash
# The suite, compiled from this checkout: what runs here (eif, vsockd, vcat) and what goes into the image.

BUILD=${RBUILDS_BUILD:-$TOP/build}
# These never go into an image: they build images, serve the host, or are /init already.
readonly HOST_TOOLS='eif vsockd ra-verify initd'

suite_version() { sed -nE "s/^ *version: *'([^']*)'.*/\\1/p;T;q" "$TOP/meson.build"; }

tool() { printf '%s/tools/%s/%s' "$BUILD" "$1" "$1"; }

# suite_ready: compile what changed. On a bare machine the packages come first.
SUITE_IS_READY=no
suite_ready() {
    [[ $SUITE_IS_READY == no ]] || return 0
    if [[ ! -f $BUILD/build.ninja ]] || ! have ninja g++ patchelf; then suite_packages; fi
    with_lock "suite-$(hash_of <<<"$BUILD")" suite_compile
    SUITE_IS_READY=yes
}

suite_packages() {
    local missing
    if ! missing=$(sh "$RBUILDS/deps.sh" --check 2>&1); then
        if ((EUID == 0)); then
            say "installing what a build needs (make deps)"
            trace "$missing"
            run_logged deps sh "$RBUILDS/deps.sh"
        elif ! have meson ninja g++ pkg-config; then
            die "$EX_UNAVAILABLE" "build tools are missing; run make deps once"
        fi
    fi
    host_packages patchelf
}

suite_compile() {
    local -a targets
    [[ -f $BUILD/build.ninja ]] || run_logged suite meson setup "$BUILD" "$TOP"
    mapfile -t targets < <(suite_targets; suite_targets -image)
    run_counted suite 'compiling the suite' 200 '^\[' nice -n 5 ninja -C "$BUILD" -j "${OPT[jobs]}" "${targets[@]}"
}

# suite_targets [SUFFIX]: one program per folder of tools/, of the same name and SUFFIX. NAME-image is the form of a
# tool for images where there are two: it opens no emulated NSM.
suite_targets() {
    ninja -C "$BUILD" -t targets all | sed -nE 's,^(tools/([^/]+)/([^/:]+)): .*LINKER.*,\2 \3 \1,p' | awk -v suffix="${1-}" '$1 suffix == $2 { print $3 }' | sort
}

# suite_overlay FOLDER: lay the suite under FOLDER/opt/enclavebox with its own loader and libraries. DT_RPATH, unlike
# DT_RUNPATH, holds for the libraries of libraries too, so nothing of the application's image is ever loaded.
suite_overlay() {
    local home=/opt/enclavebox root=$1/opt/enclavebox target name library forms
    mkdir -p "$root/bin" "$root/lib"
    forms=$(suite_targets -image)
    while read -r target; do
        name=${target##*/}
        [[ " $HOST_TOOLS " != *" $name "* ]] || continue
        if grep -qxF "$target-image" <<<"$forms"; then target=$target-image; fi
        cp "$BUILD/$target" "$root/bin/$name"
        chmod u+w "$root/bin/$name"
        strip "$root/bin/$name"
        if ! env -u LD_PRELOAD ldd "$BUILD/$target" >"$RUN_DIR/ldd" 2>&1; then continue; fi
        # Lines are: "name => path (address)", and "/loader (address)". What is preloaded here is no part of the program.
        while read -r library; do cp -L "$library" "$root/lib/"; done < <(grep -oE '/[^ ]+' "$RUN_DIR/ldd")
        patchelf --force-rpath --set-rpath "$home/lib" \
            --set-interpreter "$home/lib/$(basename "$(patchelf --print-interpreter "$root/bin/$name")")" "$root/bin/$name"
    done < <(suite_targets)
    chmod 755 "$root"/bin/* "$root"/lib/*
}
