# shellcheck shell=bash
# Commands made of commands: make_all, make_enclave, make_clear, and what they tell at the end.

make_all() {
    local start=$SECONDS
    make_emulator
    make_eif
    enclave_start "$(image_path)" no
    compare_measurements "$STARTED"
    say "done in $(clock $((SECONDS - start)))"
    if waiting; then workload_wait "$STARTED"; else next_commands; fi
}

make_enclave() {
    if [[ -n ${1:-${OPT[eif]}} ]]; then
        run_eif_image "$@"
    else
        make_eif
        run_eif_image
    fi
}

# compare_measurements NAME: a table of the PCRs as built and as the enclave's own NSM reports them.
compare_measurements() {
    local name=$1 inside pcr built read status=0
    inside=$(read_inside "$name" 30)
    printf '\n%-5s %-9s %s\n' PCR SEEN VALUE
    for pcr in 0 1 2; do
        built=$(pcr_of "$pcr" "$(fact "$name" measurements)")
        read=$(pcr_of "$pcr" "$inside")
        printf '%-5s %-9s %s\n' "PCR$pcr" 'as built' "$built"
        printf '%-5s %-9s %s\n' '' 'inside' "${read:-not told: no service of this application prints it}"
        [[ -n $built && $built == "$read" ]] || status=1
    done
    printf '\n'
    if [[ -z $inside && -n ${OPT[app]} ]]; then say "heartbeat received; the application does not print its PCRs, so they were not compared"; return 0; fi
    ((status == 0)) || die "$EX_NO" "the PCRs read inside $name differ from those built"
    say "heartbeat received, PCRs read from /dev/nsm inside equal those built"
}

# pcr_of N TEXT: the value of one PCR in a measurement object.
pcr_of() { tr -d '\n' <<<"$2" | sed -nE 's/.*"PCR'"$1"'" *: *"([0-9a-f]{96})".*/\1/p'; }

# read_inside NAME SECONDS: the line with the PCRs that the sample's service wrote to the log, from the log port.
read_inside() {
    local name=$1 deadline=$((SECONDS + $2)) line=''
    while ((SECONDS <= deadline)); do
        while IFS= read -r line; do
            [[ $line =~ \"PCR2\":\"[0-9a-f]{96}\" ]] || continue
            printf '%s' "$line"
            return 0
        done < <(log_of "$name" 5)
        sleep 0.2
    done
}

# log_of NAME SECONDS: what initd serves on the log port, for so long.
log_of() {
    local -a environment=()
    [[ $(backend) == nitro ]] || environment=("ENCLAVEBOX_VSOCK_DIR=$STATE/vsock")
    env "${environment[@]}" timeout "$2" "$(tool vcat)" "vsock:$(fact "$1" cid):${OPT[log-port]}" </dev/null 2>/dev/null || true
}

next_commands() {
    local me=$RBUILDS/rbuilds.sh
    [[ $PWD != "$TOP" ]] || me=./rbuilds/rbuilds.sh
    cat >&3 <<END

Next:
  $me --cmd list_enclaves
  $me --cmd attach_console_to_enclave
END
    [[ $(backend) == nitro ]] || printf '  ENCLAVEBOX_VSOCK_DIR=%s %s vsock:%s:%s\n' "$STATE/vsock" "$(tool vcat)" "$(fact "$STARTED" cid)" "${OPT[log-port]}" >&3
    [[ ${OPT[authorized-keys]} == none ]] || next_pipeline >&3
    printf '  %s --cmd drop_enclave\n' "$me" >&3
}

# How to get in, for the holder of a key that is in the image.
next_pipeline() {
    local folder='' accept=''
    if [[ $(backend) != nitro ]]; then
        folder="ENCLAVEBOX_VSOCK_DIR=$STATE/vsock "
        accept=' --allow-emulated'
    fi
    printf '  %s%s shell%s --pcrs %s vsock:%s:53000\n' "$folder" "$(tool pipeline)" "$accept" "$STATE/enclaves/$STARTED/measurements" "$(fact "$STARTED" cid)"
}

make_clear() {
    [[ $# -eq 0 || ($# -eq 1 && $1 == all) ]] || usage_error "make_clear knows only the word all"
    step "make_clear: remove the images in $OUT${1:+ and the cache $CACHE}"
    rm -f "$OUT"/init.cpio "$OUT"/rootfs.cpio "$OUT"/*.eif "$OUT"/*.eif.pcr
    [[ $# -eq 0 ]] || rm -rf "${CACHE:?}"
}

print_info() {
    local qemu
    qemu=$(emulator_find) || qemu='none yet, make_emulator builds it'
    printf '%-12s %s\n' version "$(suite_version)" checkout "$TOP" cache "$CACHE" lock "$LOCK" images "$OUT" state "$STATE" \
        backend "$(backend)" emulator "$qemu" kernel "$(lock_lines kernel | awk '{ print $3, $4 }')"
    printf '%-12s %s\n' firmware "$(firmware_folder)" accelerator "$(if kvm_works; then echo kvm; else echo tcg; fi)"
    if [[ -f $(kernel_folder)/bzImage ]]; then printf '%-12s %s\n' bzImage "$(kernel_folder)/bzImage"; fi
}
