# shellcheck shell=bash
# The command table and the three ways in: --cmd, standard input, the prompt.
# A line is: NAME|ARGUMENT|FUNCTION|HELP.

readonly COMMAND_TABLE='
make_all||make_all|all of the following, then run the enclave and compare its PCRs
make_kernel||make_kernel|build the kernel from the pinned source
make_emulator||make_emulator|build QEMU with the nitro-enclave machine, if none is there
make_init||make_init|build the suite and ramdisk 0: initd
make_apps||make_apps|ramdisk 1: the application and the suite under /opt/enclavebox
make_eif||make_eif|put the image together (makes what is missing)
make_enclave|[FILE]|make_enclave|make the image and run it
make_clear|[all]|make_clear|remove the images, and with the word all the cache
verify||verify|build everything twice and compare
update_lock||update_lock|pin what the package mirror offers now
run_eif_image|[FILE]|run_eif_image|run an image in the background; with --wait to its end
wait_for_enclave|[NAME]|wait_for_enclave|wait for the workload and exit with its status
follow_log|[NAME]|follow_log|follow what an enclave logs
follow_status|[NAME]|follow_status|follow the lines of the status port
run_eif_image_debugmode_cli|[FILE]|run_eif_image_debugmode_cli|run with the console attached; attests nothing
attach_console_to_enclave|[NAME]|attach_console_to_enclave|follow the console of an enclave
list_enclaves||list_enclaves|list running enclaves
drop_enclave|[NAME]|drop_enclave|end an enclave
drop_enclaves_all||drop_enclaves_all|end all enclaves
lsh|WORD...|local_shell|run a shell command (only with --local-shell)
help||print_commands|print this list
exit||leave_prompt|end
'

declare -A COMMAND_FUNCTION=() COMMAND_ARGUMENT=()

commands_load() {
    local name argument function
    while IFS='|' read -r name argument function _; do
        [[ -n $name ]] || continue
        COMMAND_FUNCTION[$name]=$function COMMAND_ARGUMENT[$name]=$argument
    done <<<"$COMMAND_TABLE"
}

print_commands() {
    local name argument help
    while IFS='|' read -r name argument _ help; do
        [[ -n $name ]] || continue
        name+=${argument:+ $argument}
        if ((${#name} > 26)); then printf '  %s\n  %26s' "$name" ''; else printf '  %-26s' "$name"; fi
        fold -s -w 50 <<<"$help" | sed '2,$s/^/                            /'
    done <<<"$COMMAND_TABLE"
}

# command_check LINE: set COMMAND_WORDS; an unknown name ends with the nearest one.
# "make kernel" is make_kernel, quit and break are exit.
command_check() {
    local near
    read -r -a COMMAND_WORDS <<<"$1"
    ((${#COMMAND_WORDS[@]} > 0)) || usage_error "an empty command"
    if [[ ${COMMAND_WORDS[0]} == make && ${#COMMAND_WORDS[@]} -gt 1 ]]; then
        COMMAND_WORDS=("make_${COMMAND_WORDS[1]}" "${COMMAND_WORDS[@]:2}")
    fi
    case ${COMMAND_WORDS[0]} in
        quit | break) COMMAND_WORDS[0]='exit' ;;
    esac
    if [[ -z ${COMMAND_FUNCTION[${COMMAND_WORDS[0]}]:-} ]]; then
        near=$(nearest "${COMMAND_WORDS[0]}" "${!COMMAND_FUNCTION[@]}")
        usage_error "unknown command '${COMMAND_WORDS[0]}'" "${near:+did you mean $near?}"
    fi
    if ((${#COMMAND_WORDS[@]} > 1)) && [[ -z ${COMMAND_ARGUMENT[${COMMAND_WORDS[0]}]} ]]; then
        usage_error "${COMMAND_WORDS[0]} takes no argument, but was given '${COMMAND_WORDS[1]}'"
    fi
}

run_command() {
    command_check "$1"
    trace "command: ${COMMAND_WORDS[*]}"
    "${COMMAND_FUNCTION[${COMMAND_WORDS[0]}]}" "${COMMAND_WORDS[@]:1}"
}

# Commands given with --cmd are checked before the first one runs.
run_given_commands() {
    local command
    for command in "${COMMANDS[@]}"; do command_check "$command"; done
    for command in "${COMMANDS[@]}"; do run_command "$command"; done
}

# The lines come on another descriptor, so that a command that reads its stdin cannot eat them.
run_stdin_commands() {
    local line
    exec 4<&0 </dev/null
    while IFS= read -r line <&4 || [[ -n $line ]]; do
        line=${line%%#*}
        [[ $line =~ [^[:space:]] ]] || continue
        run_command "$line"
    done
}

# At the prompt a failure is said and the prompt comes back; the status of the last command is the exit status.
run_prompt() {
    local line status=0
    say "commands: help, or make_all to begin; end with exit or control-D"
    while IFS= read -r -e -p 'rbuilds> ' line; do
        [[ $line =~ [^[:space:]] ]] || continue
        history -s "$line"
        case $line in
            debug | question | q | tty | lsh) prompt_toggle "$line"; continue ;;
            exit | quit | break) break ;;
        esac
        set +e
        (set -e; run_command "$line")
        status=$?
        set -e
        explain_exit "$status"
        rm -f "$RUN_DIR/said"
    done
    : >"$RUN_DIR/said"
    return "$status"
}

prompt_toggle() {
    local name=$1 value=yes
    case $name in
        q) name=question ;;
        lsh) name=local-shell ;;
    esac
    if [[ ${OPT[$name]} == yes ]]; then value=no; fi
    OPT["$name"]=$value
    [[ $name != tty ]] || talk_to_terminal
    say "$name: ${OPT[$name]}"
}

leave_prompt() { exit 0; }

local_shell() {
    [[ ${OPT[local-shell]} == yes ]] || usage_error "lsh runs shell commands only when --local-shell was given"
    (($# > 0)) || usage_error "lsh needs a shell command"
    bash -c "$*"
}
