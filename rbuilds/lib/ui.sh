# shellcheck shell=bash
# How rbuilds talks: sentences on stderr, progress, questions, the nearest name.
# Data (tables, JSON) goes to stdout and is printed by the command that has it.

readonly EX_NO=1 EX_USAGE=64 EX_DATAERR=65 EX_NOINPUT=66 EX_UNAVAILABLE=69
readonly EX_OSERR=71 EX_IOERR=74 EX_TEMPFAIL=75 EX_CONFIG=78

# Talk goes to descriptor 3: stderr, or the terminal itself with --tty.
exec 3>&2

say()   { printf 'rbuilds: %s\n' "$*" >&3; }
trace() { [[ ${OPT[debug]} != yes ]] || printf 'rbuilds: debug: %s\n' "$*" >&3; }

# die CODE SENTENCE: the one way to fail. The marker stops the ERR trap from adding a second sentence.
die() {
    local code=$1; shift
    printf 'rbuilds: %s\n' "$*" >&3
    : 2>/dev/null >"$RUN_DIR/said" || true
    exit "$code"
}

talk_to_terminal() {
    if [[ ${OPT[tty]} == yes ]]; then
        { exec 3>/dev/tty; } 2>/dev/null || die "$EX_UNAVAILABLE" "--tty: there is no terminal to talk to"
    else
        exec 3>&2
    fi
}

# step SENTENCE: announce a step; with --question ask first. Fails when the user says no.
step() {
    say "$*"
    [[ ${OPT[question]} == yes ]] || return 0
    local key
    printf 'rbuilds: go on? [y/n] ' >&3
    { read -r -n 1 key </dev/tty; } 2>/dev/null || die "$EX_UNAVAILABLE" "--question: there is no terminal to ask on"
    printf '\n' >&3
    [[ $key == [yY] ]] || die "$EX_NO" "stopped at your word before: $*"
}

on_terminal() { [[ -t 3 ]]; }

clock() { printf '%d:%02d' $((($1) / 60)) $((($1) % 60)); }

# count_steps LABEL TOTAL PATTERN: pass stdin through to the log file of run_logged while counting the lines that match.
# On a terminal one line is redrawn each second; elsewhere a line is written every 20 s.
count_steps() {
    local label=$1 total=$2 pattern=$3 line count=0 percent last=$SECONDS start=$SECONDS every=20
    on_terminal && every=1
    while IFS= read -r line; do
        printf '%s\n' "$line"
        [[ $line =~ $pattern ]] || continue
        count=$((count + 1))
        if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then count=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}; fi
        ((SECONDS - last >= every)) || continue
        last=$SECONDS
        percent=$((count * 100 / total))
        ((percent < 100)) || percent=99
        if on_terminal; then
            printf '\r\033[K%s: %d of about %d steps, %d%%, %s' \
                "$label" "$count" "$total" "$percent" "$(clock $((SECONDS - start)))" >&3
        else
            say "$label: $count of about $total steps, $percent%, $(clock $((SECONDS - start)))"
        fi
    done
    on_terminal && printf '\r\033[K' >&3
    return 0
}

# run_group COMMAND...: run it in a process group of its own and wait; the status is in GROUP_STATUS. A signal to rbuilds
# thus ends the wait at once, and the group with it. Never call this in a condition: errexit would be off inside.
JOB='' GROUP_STATUS=0
run_group() {
    set -m
    (set +m -e; "$@") </dev/null &
    JOB=$!
    set +m
    GROUP_STATUS=0
    wait "$JOB" || GROUP_STATUS=$?
    JOB=''
}

end_group() { [[ -z $JOB ]] || kill -TERM -- "-$JOB" 2>/dev/null || true; }

# run_logged NAME COMMAND...: output goes to a log; on failure its tail is shown and one sentence ends the run.
run_logged() {
    local name=$1; shift
    run_group "$@" >>"$RUN_DIR/$name.log" 2>&1
    ((GROUP_STATUS == 0)) || log_failure "$name" "$RUN_DIR/$name.log"
}

# run_counted NAME LABEL TOTAL PATTERN COMMAND...: run_logged with progress.
run_counted() {
    local name=$1; shift
    run_group counted "$@" >>"$RUN_DIR/$name.log" 2>&1
    ((GROUP_STATUS == 0)) || log_failure "$name" "$RUN_DIR/$name.log"
}

counted() {
    local label=$1 total=$2 pattern=$3; shift 3
    "$@" 2>&1 | count_steps "$label" "$total" "$pattern"
}

log_failure() {
    local name=$1 log=$2 kept
    [[ ! -e $RUN_DIR/said ]] || exit "$GROUP_STATUS"
    if disk_is_full "$log"; then die "$EX_IOERR" "$name: $(disk_full_sentence)"; fi
    tail -n 15 "$log" | sed 's/^/  | /' >&3
    kept=$CACHE/log/$name.log
    mkdir -p "$CACHE/log" && cp "$log" "$kept" 2>/dev/null || kept=
    die "$EX_OSERR" "$name failed${kept:+, the whole log is $kept}"
}

# explain_exit STATUS: an unexpected failure still ends in one sentence. Called at exit of the main shell.
explain_exit() {
    [[ $1 -ne 0 && ! -e $RUN_DIR/said ]] || return 0
    if disk_is_full; then say "$(disk_full_sentence)"; return 0; fi
    say "a command failed with status $1${FAILED_AT:+ ($FAILED_AT)}; --debug shows more"
}

have() {
    local program
    for program; do command -v "$program" >/dev/null || return 1; done
}

# nearest WORD NAME...: print the name with the smallest edit distance, if it is near enough to be meant.
nearest() {
    local word=$1 name best='' best_distance=999 distance; shift
    for name; do
        distance=$(edit_distance "$word" "$name")
        ((distance < best_distance)) && best=$name best_distance=$distance
    done
    ((best_distance <= (${#word} + 3) / 3)) && printf '%s' "$best"
    return 0
}

edit_distance() {
    local a=$1 b=$2 i j cost left up diagonal
    local -a row
    for ((j = 0; j <= ${#b}; j++)); do row[j]=$j; done
    for ((i = 1; i <= ${#a}; i++)); do
        diagonal=${row[0]} row[0]=$i
        for ((j = 1; j <= ${#b}; j++)); do
            cost=1
            [[ ${a:i-1:1} != "${b:j-1:1}" ]] || cost=0
            left=$((row[j - 1] + 1)) up=$((row[j] + 1)) cost=$((diagonal + cost)) diagonal=${row[j]}
            ((left < cost)) && cost=$left
            ((up < cost)) && cost=$up
            row[j]=$cost
        done
    done
    printf '%d' "${row[${#b}]}"
}

# json_string TEXT: TEXT as a JSON string with its quotes.
json_string() {
    local text=$1
    text=${text//\\/\\\\} text=${text//\"/\\\"}
    text=${text//$'\n'/\\n} text=${text//$'\t'/\\t}
    printf '"%s"' "$text"
}
