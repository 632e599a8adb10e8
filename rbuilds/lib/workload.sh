# shellcheck shell=bash
# Following a workload from the host: the log port, the status port, and waiting for the end. status.sh knows the lines.
#
# All waits are bounded but the workload's own time, which --timeout bounds. The enclave depends on none of this:
# control-C leaves it running, and the same commands find it again.

readonly PORT_SECONDS=60     # for a port to answer at all: the heartbeat came, so what is left of the boot is short
readonly DRAIN_SECONDS=30    # for the rest of both ports once the first last status is known: services stop, initd lingers
readonly END_SECONDS=30      # for the machine to go after its ports were closed
readonly LIVES_SECONDS=5     # between two looks at a machine that says nothing
readonly STATUS_BYTES=131072 # longest line of the status port
readonly CONSOLE_BYTES=262144 # of its end, in which a post-mortem is looked for

run_eif_image() {
    enclave_start "${1:-${OPT[eif]:-$(image_path)}}" no
    if waiting; then workload_wait "$STARTED"; else next_commands; fi
}

run_eif_image_debugmode_cli() {
    say "DEBUG MODE: on a Nitro host PCR0, PCR1 and PCR2 of this enclave are all zero; its evidence attests nothing"
    enclave_start "${1:-${OPT[eif]:-$(image_path)}}" yes
    if waiting; then
        background console_reader "$STARTED"
        workload_wait "$STARTED"
    else
        attach_console_to_enclave "$STARTED"
    fi
    say "DEBUG MODE: the console ended; what was seen attests nothing"
}

waiting() { [[ ${OPT[wait]} == yes || ${OPT[follow]} == yes ]]; }

wait_for_enclave() {
    local name
    state_open
    name=$(pick_enclave "$@")
    suite_ready
    workload_wait "$name"
}

follow_log() {
    local name
    state_open
    name=$(pick_enclave "$@")
    suite_ready
    say "log of $name, control-C ends it"
    run_foreground log_reader "$name"
}

follow_status() {
    local name
    state_open
    name=$(pick_enclave "$@")
    suite_ready
    say "status of $name, control-C ends it"
    run_foreground status_reader "$name"
}

enclave_lives() { [[ -d $STATE/enclaves/$1 ]] && "$(backend)_lives" "$STATE/enclaves/$1"; }

enclave_gone() { ! enclave_lives "$1"; }

# port_read NAME PORT: one connection, to its end. Fails when there is none or it breaks.
port_read() {
    local -a environment=()
    [[ $(backend) == nitro ]] || environment=("ENCLAVEBOX_VSOCK_DIR=$STATE/vsock")
    env "${environment[@]}" "$(tool vcat)" --connect-timeout 0 "vsock:$(fact "$1" cid):$2" </dev/null 2>"$RUN_DIR/port.$2.err"
}

# port_reader NAME PORT COMMAND...: run COMMAND, which reads the port once, again and again: while the enclave boots, and
# after a break. Ends with the enclave, at the last call, or when the port was silent for too long.
port_reader() {
    local name=$1 port=$2 silent_since=$SECONDS result; shift 2
    while :; do
        result=0
        "$@" || result=$?
        ((result == EX_UNAVAILABLE)) || silent_since=$SECONDS
        if [[ -e $RUN_DIR/last_call ]] || ! enclave_lives "$name"; then return 0; fi
        if ((SECONDS - silent_since >= PORT_SECONDS)); then
            say "port $port of $name does not answer; is it open in the image's initd.yaml?"
            return 0
        fi
        sleep 0.3
    done
}

status_pipe() { status_reader "$1" >"$RUN_DIR/status.fifo"; }

status_reader() { port_reader "$1" "${OPT[status-port]}" port_read "$1" "${OPT[status-port]}"; }

# log_reader NAME: the log to standard output, and its last lines in $RUN_DIR/log.tail.
log_reader() {
    : >"$RUN_DIR/log.tail"
    [[ -p $RUN_DIR/log.fifo ]] || mkfifo "$RUN_DIR/log.fifo"
    port_reader "$1" "${OPT[log-port]}" log_once "$1"
}

log_once() {
    local last keeper status=0
    last=$(tail -n 1 "$RUN_DIR/log.tail")
    tail -n "${OPT[tail]}" <"$RUN_DIR/log.fifo" >"$RUN_DIR/log.new" &
    keeper=$!
    port_read "$1" "${OPT[log-port]}" | log_after "$last" | tee "$RUN_DIR/log.fifo" | shown || status=$?
    wait "$keeper"
    cat "$RUN_DIR/log.tail" "$RUN_DIR/log.new" | tail -n "${OPT[tail]}" >"$RUN_DIR/log.both"
    mv "$RUN_DIR/log.both" "$RUN_DIR/log.tail"
    return "$status"
}

# log_after LINE: a new connection begins with the whole ring; what is not newer than LINE was read before.
log_after() {
    local last=$1 line seen=no
    if [[ -n $last ]]; then
        while IFS= read -r line; do
            if [[ ${line%% *} > ${last%% *} || (${line%% *} == "${last%% *}" && $seen == yes) ]]; then
                printf '%s\n' "$line"
                break
            fi
            [[ $line != "$last" ]] || seen=yes
        done
    fi
    exec cat
}

# shown: to a terminal without the control characters that an enclave could steer it with.
shown() { if [[ -t 1 ]]; then harmless; else exec cat; fi; }

harmless() { LC_ALL=C sed -u -e 's/\xc2[\x80-\x9f]/?/g' -e 's/[\x01-\x08\x0b-\x1f\x7f]/?/g'; }

quoted() { harmless | sed 's/^/  | /' >&3; }

console_reader() { shown < <("$(backend)_console" "$STATE/enclaves/$1"); }

# background COMMAND...: in a process group of its own, until it ends or readers_end.
declare -a READERS=()
background() {
    set -m
    (set +m; "$@") </dev/null &
    READERS+=("$!")
    set +m
}

readers_end() {
    local reader
    for reader in "${READERS[@]}"; do kill -TERM -- "-$reader" 2>/dev/null || true; done
    READERS=()
}

# workload_wait NAME: until the workload's last status, or the enclave's end without one. Ends rbuilds with what it means,
# unless that is 0.
workload_wait() {
    local name=$1 folder=$STATE/enclaves/$1 log_job='' status_in console='' terminal=no deadline=0
    rm -f "$RUN_DIR/last_call" "$RUN_DIR/log.tail" "$RUN_DIR/status.fifo"
    trap 'workload_left "$name"; exit 130' INT
    # Open, so that it can be read after someone else has swept the folder of an enclave that is gone.
    if [[ -r $folder/console.log ]]; then exec {console}<"$folder/console.log"; fi
    if [[ ${OPT[follow]} == yes && ${#READERS[@]} -eq 0 ]]; then
        background log_reader "$name"
    else
        background log_reader "$name" >/dev/null
    fi
    log_job=${READERS[-1]}
    mkfifo "$RUN_DIR/status.fifo"
    background status_pipe "$name"
    exec {status_in}<"$RUN_DIR/status.fifo"
    status_loop "$name"
    exec {status_in}<&-
    : >"$RUN_DIR/last_call"
    if [[ $terminal == no ]] && enclave_lives "$name"; then
        workload_left "$name"
        die "$EX_UNAVAILABLE" "the status port of $name tells no end"
    fi
    # One that stays keeps its log open: what it has is asked for anew.
    wait_until $((deadline > SECONDS ? deadline - SECONDS : 3)) reader_ended "$log_job" || log_of "$name" 3 | tail -n "${OPT[tail]}" >"$RUN_DIR/log.tail"
    workload_report "$name" "$terminal" "$console"
    readers_end
    trap on_interrupt INT
    [[ -z $console ]] || exec {console}<&-
    ((STATUS_EXIT == 0)) || { : >"$RUN_DIR/said"; exit "$STATUS_EXIT"; }
}

reader_ended() { ! kill -0 "$1" 2>/dev/null; }

# status_loop NAME: read lines until the port is closed after the last status, or for so long; sets terminal, deadline and
# what status_take sets.
status_loop() {
    local line held='' result look=$((SECONDS + LIVES_SECONDS))
    ((OPT[timeout] == 0)) || deadline=$((SECONDS + OPT[timeout]))
    while :; do
        line='' result=0
        IFS= read -r -t 1 -n "$STATUS_BYTES" -u "$status_in" line || result=$?
        held+=$line
        if ((result == 0)); then
            ((${#held} < STATUS_BYTES)) || die "$EX_DATAERR" "the status port of $1 sends a line without an end"
            status_line "$1" "$held"
            held=''
        elif ((result <= 128)); then
            return 0
        fi
        if ((deadline > 0 && SECONDS >= deadline)); then
            if [[ $terminal == yes ]]; then return 0; fi
            workload_left "$1"
            die "$EX_TEMPFAIL" "the workload of $1 did not end within ${OPT[timeout]} s"
        fi
        ((SECONDS >= look)) || continue
        look=$((SECONDS + LIVES_SECONDS))
        enclave_lives "$1" || return 0
    done
}

# status_line NAME LINE: the last status stands even when something unknown follows.
status_line() {
    local kind=$STATUS_KIND known=$STATUS_LINE code=$STATUS_EXIT text=$STATUS_TEXT
    status_take "$2"
    if [[ -z $STATUS_KIND || ($STATUS_KIND == running && $terminal == yes) ]]; then
        say "the status port of $1 says what is not known: $(head -c 200 <<<"$2" | harmless)"
        STATUS_KIND=$kind STATUS_LINE=$known STATUS_EXIT=$code STATUS_TEXT=$text
    elif [[ $STATUS_KIND == running ]]; then
        trace "the workload of $1 is running"
    elif [[ $terminal == no ]]; then
        terminal=yes
        # From here on the enclave may end at any time, and has to be heard out only for so long.
        : >"$RUN_DIR/last_call"
        if ((OPT[timeout] == 0 || deadline > SECONDS + DRAIN_SECONDS)); then deadline=$((SECONDS + DRAIN_SECONDS)); fi
    fi
}

workload_report() {
    local name=$1 terminal=$2 console=$3
    if [[ -n $console && -z $POST_MORTEM ]]; then
        tail -c "$CONSOLE_BYTES" <&"$console" | tr -d '\r' >"$RUN_DIR/console.tail"
        POST_MORTEM=$(post_mortem_of_console <"$RUN_DIR/console.tail")
    fi
    if [[ $terminal == no ]]; then
        STATUS_EXIT=$EX_VANISHED STATUS_TEXT='is gone: the enclave ended without telling a status'
    elif [[ ${OPT[json]} == yes ]]; then
        printf '%s\n' "$STATUS_LINE"
    fi
    if [[ ${OPT[follow]} != yes && -s $RUN_DIR/log.tail ]]; then
        say "last lines of the log of $name:"
        quoted <"$RUN_DIR/log.tail"
    fi
    if [[ $terminal == no && -n $console ]]; then
        say "last lines of the console of $name:"
        tail -n "${OPT[tail]}" "$RUN_DIR/console.tail" | quoted
    elif [[ $terminal == no ]]; then
        say "there is no console to look at: the enclave was not in debug mode"
    fi
    if [[ -n $POST_MORTEM ]]; then
        say "post-mortem of $name:"
        quoted <<<"$POST_MORTEM"
    fi
    say "the workload of $name $(harmless <<<"$STATUS_TEXT")"
    enclave_leaves "$name"
}

# What is left of an enclave that ended; one that stays was configured to.
enclave_leaves() {
    if kill -0 "$log_job" 2>/dev/null; then
        say "enclave $1 stays, as its ports do; drop_enclave ends it"
    elif wait_until "$END_SECONDS" enclave_gone "$1"; then
        [[ ! -d $STATE/enclaves/$1 ]] || enclave_stop "$STATE/enclaves/$1"
        rm -rf "${STATE:?}/enclaves/$1"
    else
        say "enclave $1 did not end within $END_SECONDS s; drop_enclave ends it"
    fi
}

# workload_left NAME: the enclave runs on, and this is how to get back to it.
workload_left() {
    local me=$RBUILDS/rbuilds.sh
    [[ $PWD != "$TOP" ]] || me=./rbuilds/rbuilds.sh
    readers_end
    : >"$RUN_DIR/said"
    cat >&3 <<END
rbuilds: enclave $1 runs on; back to it with
  $me --name $1 --follow --cmd wait_for_enclave
  $me --name $1 --cmd drop_enclave
END
}
