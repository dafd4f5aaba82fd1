# bash completion for infra-monitor. Written by tools/completion.py.
_infra_monitor_words() {
    case "$1" in
        '') echo 'init run check explain status watch summary alerts incidents ack resolve silence maintenance look history topology monitoring config notify rules dashboard --config --help --version' ;;
        'init') echo '--config --help --language --yes' ;;
        'init --language') echo 'en ko' ;;
        'run') echo '--config --help' ;;
        'check') echo '--config --help --json' ;;
        'explain') echo '--ca-file --client-cert --config --help --json --url' ;;
        'status') echo '--ca-file --client-cert --config --help --json --url' ;;
        'watch') echo '--ca-file --client-cert --config --count --every --help --json --url' ;;
        'summary') echo '--ca-file --client-cert --config --help --json --url' ;;
        'alerts') echo '--all --ca-file --client-cert --config --help --hours --json --service --severity --url' ;;
        'alerts --severity') echo 'info warning error critical' ;;
        'incidents') echo '--all --ca-file --client-cert --config --help --hours --json --service --url' ;;
        'ack') echo '--by --ca-file --client-cert --config --help --json --note --url' ;;
        'resolve') echo '--by --ca-file --client-cert --config --help --json --note --url' ;;
        'silence') echo 'list add end --ca-file --client-cert --config --help --json --url' ;;
        'silence list') echo '--ca-file --client-cert --config --help --json --url' ;;
        'silence add') echo '--by --ca-file --client-cert --config --for --help --json --reason --starts --until --url' ;;
        'silence end') echo '--ca-file --client-cert --config --help --json --url' ;;
        'maintenance') echo 'list add end --ca-file --client-cert --config --help --json --url' ;;
        'maintenance list') echo '--ca-file --client-cert --config --help --json --url' ;;
        'maintenance add') echo '--by --ca-file --client-cert --config --cron --for --help --json --reason --starts --time-zone --until --url' ;;
        'maintenance end') echo '--ca-file --client-cert --config --help --json --url' ;;
        'look') echo '--ca-file --client-cert --config --help --json --url' ;;
        'history') echo '--ca-file --check --client-cert --config --help --hours --json --last --url' ;;
        'topology') echo '--ca-file --client-cert --config --help --json --url' ;;
        'monitoring') echo '--ca-file --client-cert --config --help --json --url' ;;
        'config') echo 'check schema show --config --help' ;;
        'config check') echo '--config --help' ;;
        'config schema') echo '--config --help' ;;
        'config show') echo '--config --help' ;;
        'notify') echo 'test status --config --help' ;;
        'notify test') echo '--config --help --json' ;;
        'notify status') echo '--ca-file --client-cert --config --help --json --url' ;;
        'rules') echo '--config --help' ;;
        'dashboard') echo '--config --help --out --page' ;;
    esac
}

_infra_monitor() {
    local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" path="" word longer
    case "$before" in --config|--ca-file|--client-cert) COMPREPLY=($(compgen -f -- "$current")); return ;; esac
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        longer="${path:+$path }$word"
        [[ "$word" != -* && -n "$(_infra_monitor_words "$longer")" ]] && path="$longer"
    done
    word="$(_infra_monitor_words "${path:+$path }$before")"
    [[ "$before" == --* && -n "$word" ]] || word="$(_infra_monitor_words "$path")"
    [[ "$current" == -* || "$before" == --* ]] || word="$(tr ' ' '\n' <<< "$word" | grep -v '^--')"
    COMPREPLY=($(compgen -W "$word" -- "$current"))
    [[ "$path" != init || -n "${COMPREPLY[*]}" ]] || COMPREPLY=($(compgen -d -- "$current"))
}
complete -F _infra_monitor infra-monitor
