# shellcheck shell=bash
# Running enclaves, the same on both back ends: run, list, attach, drop. What is known of an enclave stands in
# $STATE/enclaves/NAME/, one fact a file: name id cid eif memory cpus debug started measurements, and what the back end keeps.

if ((EUID == 0)); then STATE=/run/enclavebox; else STATE=${XDG_RUNTIME_DIR:-/tmp/enclavebox-$EUID}/enclavebox; fi
STATE=${RBUILDS_STATE:-$STATE}
readonly HEARTBEAT_SECONDS=90 FIRST_CID=16

# backend: nitro where the driver is, else qemu. RBUILDS_BACKEND decides for tests and for hosts that have both.
backend() {
    if [[ -n ${RBUILDS_BACKEND:-} ]]; then
        printf '%s' "$RBUILDS_BACKEND"
    elif [[ -e /dev/nitro_enclaves ]]; then
        printf nitro
    else
        printf qemu
    fi
}

state_open() {
    [[ -d $STATE/enclaves ]] || (umask 077 && mkdir -p "$STATE/enclaves" "$STATE/vsock") ||
        die "$EX_OSERR" "cannot make $STATE, where running enclaves are noted"
    [[ -O $STATE ]] || die "$EX_OSERR" "$STATE belongs to someone else; remove it, or name another in RBUILDS_STATE"
    ((${#STATE} <= 80)) || die "$EX_CONFIG" "$STATE is too long for the path of a socket"
    state_sweep
}

# An enclave that ended by itself, or was killed, leaves its folder; remove those that nothing stands behind.
state_sweep() {
    local folder
    for folder in "$STATE"/enclaves/*/; do
        folder=${folder%/}
        [[ -d $folder ]] || continue
        if [[ -f $folder/starting ]]; then process_gone "$folder/starting" || continue; fi
        "$(backend)_lives" "$folder" && continue
        trace "enclave ${folder##*/} is gone, clearing its traces"
        enclave_stop "$folder" || true
        rm -rf "$folder"
    done
}

# enclave_stop FOLDER: the enclave, and what runs here for it.
enclave_stop() {
    "$(backend)_stop" "$1"
    network_stop "$1"
}

enclave_names() { find "$STATE/enclaves" -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%f\n' | sort; }

fact() { cat "$STATE/enclaves/$1/$2" 2>/dev/null || true; }

# pick_enclave [NAME]: print the named enclave, or the only one.
pick_enclave() {
    local wanted=${1:-${OPT[name]}} names near
    names=$(enclave_names)
    [[ -n $names ]] || die "$EX_UNAVAILABLE" "no enclave is running; run_eif_image starts one"
    if [[ -z $wanted ]]; then
        [[ $names != *$'\n'* ]] || usage_error "several enclaves are running" "name one of: ${names//$'\n'/ }"
        printf '%s' "$names"
    elif grep -qxF -- "$wanted" <<<"$names"; then
        printf '%s' "$wanted"
    else
        mapfile -t names <<<"$names"
        near=$(nearest "$wanted" "${names[@]}")
        die "$EX_UNAVAILABLE" "no enclave named $wanted is running${near:+, did you mean $near}"
    fi
}

# enclave_start FILE DEBUG: run an image in the background; its name is in STARTED.
STARTED=''
enclave_start() {
    local eif=$1 debug=$2 folder name cid memory measurements
    [[ -r $eif ]] || die "$EX_NOINPUT" "there is no image $eif; make_eif makes one"
    suite_ready
    measurements=$("$(tool eif)" measure "$eif" 2>"$RUN_DIR/measure.log") ||
        die "$EX_DATAERR" "$eif is not a whole enclave image: $(tail -n 1 "$RUN_DIR/measure.log")"
    memory=${OPT[memory]:-$(default_memory "$eif")}
    state_open
    exec {lock}>"$STATE/lock"
    flock "$lock"
    name=$(free_name "${OPT[name]:-$(basename "$eif" .eif)}")
    cid=${OPT[cid]:-$(free_cid)}
    cid_is_free "$cid" || die "$EX_TEMPFAIL" "context id $cid is taken by a running enclave; leave --cid out to get a free one"
    folder=$STATE/enclaves/$name
    mkdir "$folder"
    printf '%s %s\n' "$$" "$(process_start $$)" >"$folder/starting"
    printf '%s\n' "$cid" >"$folder/cid"
    exec {lock}>&-
    printf '%s\n' "$name" >"$folder/name"
    printf '%s\n' "$name" >"$folder/id"
    realpath -- "$eif" >"$folder/eif"
    printf '%s\n' "$memory" >"$folder/memory"
    printf '%s\n' "${OPT[cpus]}" >"$folder/cpus"
    printf '%s\n' "$debug" >"$folder/debug"
    printf '%s\n' "$measurements" >"$folder/measurements"
    printf '%s\n' "$EPOCHSECONDS" >"$folder/started"
    network_start "$name"
    "$(backend)_run" "$name" "$cid" "$eif" "$memory" "${OPT[cpus]}" "$folder"
    rm -f "$folder/starting"
    STARTED=$name
    say "enclave $name runs: cid $(fact "$name" cid), $memory MiB, ${OPT[cpus]} processors, $(fact "$name" accel)"
}

# A Nitro host asks for at least four times the image.
default_memory() {
    local mib=$((($(stat -L -c %s "$1") * 4 + 1048575) / 1048576))
    mib=$(((mib + 63) / 64 * 64))
    ((mib >= 512)) || mib=512
    printf '%d' "$mib"
}

free_name() {
    local name=$1 n=0
    while [[ -e $STATE/enclaves/$name ]]; do n=$((n + 1)) name=$1_$n; done
    printf '%s' "$name"
}

cid_is_free() { ! grep -qxF "$1" "$STATE"/enclaves/*/cid 2>/dev/null; }

free_cid() {
    local cid=$FIRST_CID
    until cid_is_free "$cid"; do cid=$((cid + 1)); done
    printf '%d' "$cid"
}

attach_console_to_enclave() {
    local name
    state_open
    name=$(pick_enclave "$@")
    say "console of $name, control-C detaches"
    run_foreground "$(backend)_console" "$STATE/enclaves/$name"
}

# The reader of a console ends on control-C while rbuilds goes on.
run_foreground() {
    local status=0
    trap ':' INT
    ("$@") || status=$?
    trap on_interrupt INT
    [[ $status -eq 0 || $status -eq 130 ]] || exit "$status"
}

drop_enclave() {
    local name
    state_open
    name=$(pick_enclave "$@")
    drop "$name"
}

drop() {
    enclave_stop "$STATE/enclaves/$1"
    rm -rf "${STATE:?}/enclaves/$1"
    say "enclave $1 is ended"
}

drop_enclaves_all() {
    local name names
    state_open
    names=$(enclave_names)
    [[ -n $names ]] || { say "no enclave is running"; return 0; }
    while read -r name; do drop "$name"; done <<<"$names"
}

list_enclaves() {
    local name names first=yes
    state_open
    names=$(enclave_names | while read -r name; do [[ ! -s $STATE/enclaves/$name/pid ]] || printf '%s\n' "$name"; done)
    if [[ ${OPT[json]} == yes ]]; then
        printf '['
        while read -r name; do
            [[ -n $name ]] || continue
            [[ $first == yes ]] || printf ','
            first=no
            enclave_json "$name"
        done <<<"$names"
        printf ']\n'
        return 0
    fi
    [[ -n $names ]] || { say "no enclave is running"; return 0; }
    printf '%-24s %6s %8s %8s %5s %-6s %-6s %9s  %s\n' NAME CID PID MEMORY CPUS ACCEL DEBUG UP IMAGE
    while read -r name; do
        printf '%-24s %6s %8s %8s %5s %-6s %-6s %9s  %s\n' "$name" "$(fact "$name" cid)" "$(enclave_pid "$name")" \
            "$(fact "$name" memory)" "$(fact "$name" cpus)" "$(fact "$name" accel)" "$(fact "$name" debug)" \
            "$(clock $((EPOCHSECONDS - $(fact "$name" started))))" "$(fact "$name" eif)"
    done <<<"$names"
}

enclave_pid() { fact "$1" pid | cut -d ' ' -f 1; }

# The keys of nitro-cli describe-enclaves, and what only we know.
enclave_json() {
    local flags=NONE state=RUNNING
    [[ ! -e $STATE/enclaves/$1/starting ]] || state=STARTING
    [[ $(fact "$1" debug) != yes ]] || flags=DEBUG_MODE
    printf '{"EnclaveName":%s,"EnclaveID":%s,"ProcessID":%s,"EnclaveCID":%s,"NumberOfCPUs":%s,"MemoryMiB":%s,' \
        "$(json_string "$1")" "$(json_string "$(fact "$1" id)")" "$(enclave_pid "$1")" "$(fact "$1" cid)" \
        "$(fact "$1" cpus)" "$(fact "$1" memory)"
    printf '"State":"%s","Flags":"%s","Accelerator":%s,"ImagePath":%s,%s}' "$state" "$flags" \
        "$(json_string "$(fact "$1" accel)")" "$(json_string "$(fact "$1" eif)")" \
        "$(fact "$1" measurements | tr -d '\n' | sed 's/^ *{ *//; s/ *} *$//')"
}
