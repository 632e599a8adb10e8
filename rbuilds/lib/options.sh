# shellcheck shell=bash
# The option table, and all that is made from it: parsing, --help, the test against the manual page.
# A line is: NAME|ALIASES|ARGUMENT|DEFAULT|HELP. An option without ARGUMENT is a switch.

readonly OPTION_TABLE='
cmd|-c --command|COMMAND||run COMMAND and end; may be given several times
app||PATH||the application: a folder or a tar file (default: the sample)
name||NAME||name of the image and of the enclave
eif||FILE||the image to run (default: the one make_eif made)
output|-o|FOLDER||where images go (default: build/image in the checkout)
signing-certificate||FILE||PEM certificate to sign the image with
private-key||FILE||PEM key of the signing certificate
authorized-keys||FILE||keys that may use pipeline in the enclave, or none (default: your own key)
network|-n||no|both of the next two
forward-network|-fn --fwnet||no|programs in the enclave reach the network, as --policy allows
reverse-network|-rn --revnet||no|the enclave is reached by the ports of --publish
policy||FILE||what may be reached from the enclave, see policy(5)
nameserver||ADDRESS||who the enclave asks for names, as the host reaches it (default: that of a VPC)
publish||PORTS||host ports that lead to the same ports of the enclave
client-address||HOW|peer|how a program hears who connected to a published port: peer, v1 or v2 (PROXY header)
memory|-m|MIB||memory of an enclave (default: four times the image, at least 512)
cpus||N|2|processors of an enclave
cid||N||context id of an enclave (default: the first free one from 16)
kernel|-k|VERSION||kernel version, as pinned or for update_lock
user|-u|NAME|enclavebox|name of the builder in the kernel banner
host||NAME|enclavebox|name of the host in the kernel banner
jobs|-j|N||parallel compile jobs (default: all processors)
quick|||no|verify: build the kernel only once
wait|||no|wait for the end of what is run, and exit with its status
follow|-f||no|the same, and show the log as it comes
timeout||SECONDS|0|wait for a workload for so long (default 0: as it takes)
tail||N|20|lines of the log to show at the end of a wait
log-port||PORT|17001|vsock port of the log
status-port||PORT|17000|vsock port of the status
json|||no|list_enclaves: print JSON; a wait: the last status
question|-q --questions||no|ask before each step
local-shell|--lsh -lsh||no|the prompt accepts shell commands after lsh
tty|--tty-dev --terminal --term||no|talk to the terminal even when stderr is redirected
debug|-v --verbose||no|say more
info|||no|print what would be used and what is cached, and end
man|||no|show the manual page, and end
version|||no|print the version, and end
help|-h -?||no|print this, and end
'

declare -A OPT=() OPT_OF=() OPT_TAKES=()
declare -a COMMANDS=()

options_load() {
    local name aliases argument default alias
    while IFS='|' read -r name aliases argument default _; do
        [[ -n $name ]] || continue
        OPT[$name]=$default OPT_TAKES[$name]=$argument OPT_OF[--$name]=$name
        for alias in $aliases; do OPT_OF[$alias]=$name; done
    done <<<"$OPTION_TABLE"
    OPT[jobs]=$(nproc)
}

# options_parse WORD...: fill OPT and COMMANDS. Settings hold for all commands, wherever they stand on the line.
options_parse() {
    local word name value
    while (($# > 0)); do
        word=$1 value='' && shift
        case $word in
            --*=*) value=${word#*=} name=${OPT_OF[${word%%=*}]:-} ;;
            -*) name=${OPT_OF[$word]:-} ;;
            *) usage_error "'$word' is not an option" "a command is given with --cmd $word" ;;
        esac
        [[ -n $name ]] || unknown_option "${word%%=*}"
        if [[ -z ${OPT_TAKES[$name]} ]]; then
            [[ $word != --*=* ]] || usage_error "--$name takes no value"
            OPT[$name]=yes
            continue
        fi
        if [[ $word != --*=* ]]; then
            (($# > 0)) || usage_error "--$name needs a value: ${OPT_TAKES[$name]}"
            value=$1 && shift
        fi
        if [[ $name == cmd ]]; then COMMANDS+=("$value"); else OPT[$name]=$value; fi
    done
    options_check
}

options_check() {
    local name
    for name in memory cpus cid jobs log-port status-port; do
        [[ -z ${OPT[$name]} || ${OPT[$name]} =~ ^[1-9][0-9]{0,9}$ ]] || usage_error "--$name ${OPT[$name]}: expected a number above 0"
    done
    for name in timeout tail; do
        [[ ${OPT[$name]} =~ ^(0|[1-9][0-9]{0,8})$ ]] || usage_error "--$name ${OPT[$name]}: expected a number"
    done
    case ${OPT[cid]} in
        1 | 2 | 3 | 4294967295) usage_error "--cid ${OPT[cid]}: this context id has a meaning of its own; enclaves begin at 4" ;;
    esac
    [[ ${OPT[name]} =~ ^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$ ]] || usage_error "--name ${OPT[name]}: letters, digits, dots and dashes only"
    for name in user host; do
        [[ ${OPT[$name]} =~ ^[A-Za-z0-9._-]+$ ]] || usage_error "--$name ${OPT[$name]}: letters, digits, dots and dashes only"
    done
    for name in app eif signing-certificate private-key policy; do
        [[ -z ${OPT[$name]} || -r ${OPT[$name]} ]] || die "$EX_NOINPUT" "--$name: there is no ${OPT[$name]} that can be read"
    done
    [[ -z ${OPT[authorized-keys]} || ${OPT[authorized-keys]} == none || -r ${OPT[authorized-keys]} ]] ||
        die "$EX_NOINPUT" "--authorized-keys: there is no ${OPT[authorized-keys]} that can be read"
    network_check
    [[ -n ${OPT[signing-certificate]} || -z ${OPT[private-key]} ]] || usage_error "--private-key needs --signing-certificate"
    [[ -n ${OPT[private-key]} || -z ${OPT[signing-certificate]} ]] || usage_error "--signing-certificate needs --private-key"
}

# usage_error SENTENCE [HINT]: one line, one hint, 64.
usage_error() {
    printf 'rbuilds: %s\nrbuilds: hint: %s\n' "$1" "${2:-try --help}" >&3
    : >"$RUN_DIR/said"
    exit "$EX_USAGE"
}

unknown_option() {
    local near
    near=$(nearest "$1" "${!OPT_OF[@]}")
    usage_error "unknown option '$1'" "${near:+did you mean $near?}"
}

print_help() {
    local name aliases argument help words alias
    printf 'usage: rbuilds.sh [options] [--cmd COMMAND]...\n\n'
    printf 'Builds an enclave image and runs it. Without --cmd commands are read from a\n'
    printf 'prompt, or from standard input when that is no terminal.\n\nOptions:\n'
    while IFS='|' read -r name aliases argument _ help; do
        [[ -n $name ]] || continue
        words="--$name${argument:+ $argument}"
        for alias in $aliases; do [[ $alias != -? ]] || words="$alias, $words"; done
        if ((${#words} > 25)); then printf '  %s\n  %26s' "$words" ''; else printf '  %-26s' "$words"; fi
        fold -s -w 50 <<<"$help" | sed '2,$s/^/                            /'
    done <<<"$OPTION_TABLE"
    printf '\nCommands:\n'
    print_commands
}

show_manual() {
    local page=$TOP/man/rbuilds.1
    if command -v man >/dev/null; then man -l "$page"; elif command -v mandoc >/dev/null; then mandoc "$page"; else cat "$page"; fi
}
