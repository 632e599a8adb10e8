# shellcheck shell=bash
# The way into an enclave: pipeline as a service, and the keys that may use it. Both are measured with the image. Without
# a key there is no service, and nobody gets in.

# remote_keys: print the file of keys that goes into the image; nothing when there shall be no way in.
remote_keys() {
    case ${OPT[authorized-keys]} in
        none) ;;
        '') developer_key ;;
        *) printf '%s' "${OPT[authorized-keys]}" ;;
    esac
}

# The key of whoever builds, made on first use. Its holder, and nobody else, may run commands in the image.
developer_key() {
    local file=$RUN_DIR/authorized_keys
    if ! "$(tool pipeline)" keygen --show >"$file" 2>"$RUN_DIR/keygen.log"; then
        "$(tool pipeline)" keygen >"$file" 2>>"$RUN_DIR/keygen.log" ||
            die "$EX_OSERR" "cannot make a key for pipeline: $(tail -n 1 "$RUN_DIR/keygen.log")" "or give --authorized-keys FILE, or none"
        say "made a key for pipeline; its holder may run commands in images built here: $(cut -d ' ' -f 1 "$file")"
    fi
    # The comment tells who and where, which is nobody's business and would make the image another on another machine.
    sed -i 's/ .*/ developer/' "$file"
    printf '%s' "$file"
}

# remote_overlay FOLDER APP: lay service and keys under FOLDER where the application has none of its own.
remote_overlay() {
    local root=$1/etc/enclavebox app=$2 keys
    keys=$(remote_keys)
    [[ -n $keys ]] || return 0
    "$(tool pipeline)" serve --check --authorized-keys "$keys" >"$RUN_DIR/keys.log" 2>&1 || die "$EX_CONFIG" "$(head -n 1 "$RUN_DIR/keys.log")"
    mkdir -p "$root/services"
    app_has "$app" etc/enclavebox/authorized_keys || cp "$keys" "$root/authorized_keys"
    app_has "$app" etc/enclavebox/services/pipeline.yaml || cp "$RBUILDS/pipeline.yaml" "$root/services/pipeline.yaml"
    normal_modes "$1/etc"
}

# app_has APP PATH: whether the application, a folder or a tar file, brings the file itself.
app_has() {
    if [[ -d $1 ]]; then
        [[ -e $1/$2 ]]
    else
        grep -qE "^(\./|/)?${2//./\\.}$" "$RUN_DIR/app.list"
    fi
}
