# bash completion for tollgatectl: what `tollgatectl -h` lists, so that it
# always knows what the installed program knows. Nothing is asked of a daemon.

# The rows of the table, without their help: "config show [-n|-d]".
_tollgatectl_rows()
{
    "$1" -h 2>/dev/null | sed -n '/^commands:/,/^$/s/^  \([^ ].*\)/\1/p' |
        sed 's/   *.*//'
}

# What may come after these words in that row: a word of the name, or options.
_tollgatectl_after()
{
    local row word
    read -ra row <<<"$1"
    shift
    for word in "${row[@]}"; do
        if [[ ! $word =~ ^[a-z]+$ ]]; then
            grep -oE -- '-[-a-z]+' <<<"${row[*]}"
            return
        elif [ $# -eq 0 ]; then
            echo "$word"
            return
        elif [ "$1" != "$word" ]; then
            return
        fi
        shift
    done
}

_tollgatectl()
{
    local current=${COMP_WORDS[COMP_CWORD]} row i words=()
    COMPREPLY=()
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    -c | -s | --output)
        mapfile -t COMPREPLY < <(compgen -f -- "$current") && return ;;
    --for)
        case " ${COMP_WORDS[*]} " in
        *" setup "*) words=(docker-mailserver mailu debian) ;;
        *) words=(docker-mailserver mailcow mailu plain) ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$current") &&
            return ;;
    --postfix-config)
        mapfile -t COMPREPLY < <(compgen -d -- "$current") && return ;;
    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${#words[@]}${COMP_WORDS[i]} in
        0-c | 0-s) i=$((i + 1)) ;;
        0-*) ;;
        *) words+=("${COMP_WORDS[i]}") ;;
        esac
    done
    if [ ${#words[@]} -eq 0 ] && [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "-c -h -j -s -V" -- "$current")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$(
        _tollgatectl_rows "${COMP_WORDS[0]}" | while read -r row; do
            _tollgatectl_after "$row" "${words[@]}"
        done | sort -u)" -- "$current")
}

complete -F _tollgatectl tollgatectl
