# shellcheck shell=bash
# The back end of a Nitro host: nitro-cli does the work and waits for the heartbeat itself.

nitro_run() {
    local name=$1 cid=$2 eif=$3 memory=$4 cpus=$5 folder=$6 answer
    local -a words=(run-enclave --eif-path "$eif" --memory "$memory" --cpu-count "$cpus" --enclave-cid "$cid" --enclave-name "$name")
    [[ $(<"$folder/debug") != yes ]] || words+=(--debug-mode)
    command -v nitro-cli >/dev/null || die "$EX_UNAVAILABLE" "this is a Nitro host without nitro-cli; install aws-nitro-enclaves-cli"
    if ! answer=$(nitro-cli "${words[@]}" 2>"$folder/nitro.log"); then
        tail -n 15 "$folder/nitro.log" | sed 's/^/  | /' >&3
        network_stop "$folder"
        rm -rf "$folder"
        die "$EX_UNAVAILABLE" "nitro-cli could not run $eif"
    fi
    nitro_field EnclaveID "$answer" >"$folder/id"
    nitro_field EnclaveCID "$answer" >"$folder/cid"
    nitro_field ProcessID "$answer" >"$folder/pid"
    printf 'nitro\n' >"$folder/accel"
}

# nitro_field KEY JSON: a string or number of a flat JSON answer.
nitro_field() { sed -nE 's/.*"'"$1"'": *"?([^",}]*)"?.*/\1/p;T;q' <<<"$2"; }

nitro_lives() {
    local id
    id=$(<"$1/id") || return 1
    nitro-cli describe-enclaves 2>/dev/null | grep -F "\"$id\"" >/dev/null
}

nitro_stop() {
    nitro_lives "$1" || return 0
    nitro-cli terminate-enclave --enclave-id "$(<"$1/id")" >/dev/null 2>"$RUN_DIR/terminate.log" ||
        die "$EX_UNAVAILABLE" "nitro-cli could not end ${1##*/}: $(tail -n 1 "$RUN_DIR/terminate.log")"
}

nitro_console() {
    [[ $(<"$1/debug") == yes ]] || die "$EX_UNAVAILABLE" "${1##*/} is not in debug mode, it has no console; run_eif_image_debugmode_cli gives one"
    exec nitro-cli console --enclave-id "$(<"$1/id")"
}
