#!/usr/bin/env bash
# rbuilds: from an application to a measured, running enclave. This file is the door: it loads the parts in lib/,
# reads options and commands, and cleans up. What the commands do and mean is in man/rbuilds.1.
set -Eeuo pipefail
shopt -s inherit_errexit

RBUILDS=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")
TOP=$(dirname -- "$RBUILDS")
RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/rbuilds.XXXXXX") || { echo 'rbuilds: no temporary folder can be made' >&2; exit 74; }
FAILED_AT=''

# shellcheck source=/dev/null
for part in ui cache options commands apt lock kernel emulator suite image qemu remote network nitro enclaves status workload make verify; do
    . "$RBUILDS/lib/$part.sh"
done

trap 'FAILED_AT="${BASH_SOURCE[0]##*/}:$LINENO"' ERR
trap 'status=$?; trap - ERR; set +e; end_group; readers_end; explain_exit "$status"; work_clear; verify_clear; rm -rf "$RUN_DIR"; exit "$status"' EXIT
on_interrupt() { say interrupted; : >"$RUN_DIR/said"; exit 130; }
trap on_interrupt INT
trap 'say "terminated"; : >"$RUN_DIR/said"; exit 143' TERM
trap 'exit 129' HUP

options_load
commands_load
options_parse "$@"
OUT=${OPT[output]:-$TOP/build/image}

for question in help man version; do
    [[ ${OPT[$question]} == yes ]] || continue
    case $question in
        help) print_help ;;
        man) show_manual ;;
        version) printf 'rbuilds (enclavebox) %s\n' "$(suite_version)" ;;
    esac
    exit 0
done

talk_to_terminal
kernel_select
cache_open
if [[ ${OPT[info]} == yes ]]; then
    print_info
elif ((${#COMMANDS[@]} > 0)); then
    run_given_commands
elif [[ -t 0 ]]; then
    run_prompt
else
    run_stdin_commands
fi
