# shellcheck shell=bash
# Lines of an enclave's status port, and what they mean for whoever waits: initd(8), PORTS. Lines of Enclaver's
# supervisor are taken too: it names a signal where initd tells number and name. Nothing here opens a connection.
#
# The enclave is not trusted to write them well: what is not of these shapes is unknown, and nothing is evaluated.

# Beyond what sysexits use, and as Enclaver's host side has the first one.
readonly EX_FATAL=108 EX_VANISHED=110

# status_take LINE: set STATUS_KIND (running exited signaled fatal, or empty), STATUS_LINE, STATUS_EXIT and STATUS_TEXT.
# Further members of the object are let pass; POST_MORTEM gets those of "post_mortem", one a line.
STATUS_KIND='' STATUS_LINE='' STATUS_EXIT='' STATUS_TEXT='' POST_MORTEM=''
status_take() {
    local line=$1 kind rest number name
    STATUS_KIND='' STATUS_LINE=$line STATUS_EXIT='' STATUS_TEXT=''
    [[ $line =~ ^\{\ *\"status\":\ *\"([a-z]+)\"(.*)\}\ *$ ]] || return 0
    kind=${BASH_REMATCH[1]} rest=${BASH_REMATCH[2]}
    case $kind in
        running) STATUS_KIND=running ;;
        exited)
            [[ $rest =~ ^,\ *\"code\":\ *([0-9]{1,9})\ *(,.*)?$ ]] || return 0
            number=$((10#${BASH_REMATCH[1]}))
            STATUS_KIND=exited STATUS_EXIT=$((number & 255)) STATUS_TEXT="exited with code $number"
            ;;
        signaled)
            signal_of "$rest" || return 0
            STATUS_KIND=signaled STATUS_EXIT=$((128 + number)) STATUS_TEXT="was killed by $name (signal $number)"
            ;;
        fatal)
            # Enclaver does not escape its text, so the quote that ends it may only be known by what follows.
            [[ $rest =~ ^,\ *\"error\":\ *\"(([^\"\\]|\\.)*)\"\ *(,.*)?$ || $rest =~ ^,\ *\"error\":\ *\"(.*)\"\ *$ ]] || return 0
            STATUS_KIND=fatal STATUS_EXIT=$EX_FATAL STATUS_TEXT="failed: $(json_text "${BASH_REMATCH[1]}")"
            ;;
    esac
    post_mortem_take "$rest"
}

# signal_of REST: number and name, from a number with or without a name, or from a name alone.
signal_of() {
    if [[ $1 =~ ^,\ *\"signal\":\ *([0-9]{1,2})\ *(,\ *\"name\":\ *\"([A-Z0-9+]{1,16})\")?\ *(,.*)?$ ]]; then
        number=$((10#${BASH_REMATCH[1]})) name=${BASH_REMATCH[3]:-signal ${BASH_REMATCH[1]}}
    elif [[ $1 =~ ^,\ *\"signal\":\ *\"([A-Z0-9+]{1,16})\"\ *(,.*)?$ ]]; then
        name=${BASH_REMATCH[1]}
        number=$(kill -l "${name#SIG}" 2>/dev/null) || return 1
    else
        return 1
    fi
    ((number >= 1 && number <= 64))
}

# post_mortem_take REST: the strings of the array "post_mortem", if there is one. The text between two of them cannot be part
# of one, as a quote in a string has a backslash before it.
post_mortem_take() {
    local strings
    [[ $1 == *'"post_mortem": ["'*'"]'* ]] || return 0
    strings=${1#*'"post_mortem": ["'}
    strings=${strings%'"]'*}
    POST_MORTEM=$(json_text "${strings//'", "'/$'\n'}")
}

# json_text TEXT: the content of JSON strings without the escapes of quotes and backslashes; others stay visible.
json_text() { sed 's/\\\(["\\/]\)/\1/g' <<<"$1"; }

# post_mortem_of_console: the last whole block of the console on standard input.
post_mortem_of_console() {
    awk '
        /^-----BEGIN ENCLAVEBOX POST-MORTEM-----$/ { block = ""; inside = 1; next }
        /^-----END ENCLAVEBOX POST-MORTEM-----$/ { if (inside) whole = block; inside = 0; next }
        inside { block = block $0 "\n" }
        END { printf "%s", whole }'
}
