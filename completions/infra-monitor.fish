# fish completion for infra-monitor. Written by tools/completion.py.
function __infra_monitor_words
    switch "$argv[1]"
        case ''
            printf '%s\t%s\n' init 'write a config.yaml from what is found on this machine' run 'watch, until told to stop' check 'look once at everything, without a daemon' explain 'what is broken, why, and what to do' status 'how every service is' watch 'the live table and chain, until q' summary 'how many services are how, and the worst of it' alerts 'what troubles which service, and did' incidents 'what is broken, and was' ack 'say that you are on it' resolve 'say that it is over; the next failing look opens it again' silence 'hold notices back' maintenance 'declare services as being worked on' look 'have every check of a service look at once' history 'what a metric was' topology 'who depends on whom' monitoring 'whether the monitoring itself is well, what it looks at how often, how much it remembers' config 'check and show the configuration' notify 'the channels: how they stand, try them' rules 'rules and configurations for Prometheus and Alertmanager' dashboard 'dashboards for Grafana' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --version 'show program’s version number and exit'
        case 'init'
            printf '%s\t%s\n' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --language 'en or ko (default: as $LANG says)' --yes 'write without asking; a file that is there is kept as .old'
        case 'init --language'
            printf '%s\t%s\n' en '' ko ''
        case 'run'
            printf '%s\t%s\n' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit'
        case 'check'
            printf '%s\t%s\n' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers'
        case 'explain'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'status'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'watch'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --count 'end after N tables' --every 'how often (default: 2s)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'summary'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'alerts'
            printf '%s\t%s\n' --all 'also those that are over' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --hours 'those that were active in the last N hours' --json 'print JSON, as the API answers' --service 'only of this service' --severity 'only of this one' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'alerts --severity'
            printf '%s\t%s\n' info '' warning '' error '' critical ''
        case 'incidents'
            printf '%s\t%s\n' --all 'also those that are over' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --hours 'those that were open in the last N hours' --json 'print JSON, as the API answers' --service 'those that concern this service' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'ack'
            printf '%s\t%s\n' --by 'in whose name (default: yours)' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --note 'a line that is kept with it' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'resolve'
            printf '%s\t%s\n' --by 'in whose name (default: yours)' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --note 'a line that is kept with it' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'silence'
            printf '%s\t%s\n' list 'what runs or will' add 'hold back notices of incidents that match every MATCHER' end 'tell people again' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'silence list'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'silence add'
            printf '%s\t%s\n' --by 'in whose name (default: yours)' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --for 'how long, for example 2h' --help 'show this help message and exit' --json 'print JSON, as the API answers' --reason 'a line that people see' --starts 'the same; default: now' --until 'a time with its zone: 2026-11-24T03:00:00+09:00' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'silence end'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'maintenance'
            printf '%s\t%s\n' list 'what runs or will' add 'declare a service as being worked on: now, from --starts, or whenever --cron says' end 'the work is done; of a rule, no window comes any more' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'maintenance list'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'maintenance add'
            printf '%s\t%s\n' --by 'in whose name (default: yours)' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --cron 'five fields; 0 and 7 are Sunday' --for 'how long, for example 2h' --help 'show this help message and exit' --json 'print JSON, as the API answers' --reason 'a line that people see' --starts 'the same; default: now' --time-zone 'for --cron, for example Asia/Seoul (default: UTC)' --until 'a time with its zone: 2026-11-24T03:00:00+09:00' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'maintenance end'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'look'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'history'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --check 'only of this check' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --hours 'the same in hours' --json 'print JSON, as the API answers' --last 'how far back, for example 1h, 24h, 7d or 90d (6h)' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'topology'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'monitoring'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'config'
            printf '%s\t%s\n' check 'say whether the configuration is good, or everything that is wrong (exit 78)' schema 'print the JSON Schema of config.yaml, for editors' show 'print what the configuration comes to, defaults and all, without secrets' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit'
        case 'config check'
            printf '%s\t%s\n' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit'
        case 'config schema'
            printf '%s\t%s\n' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit'
        case 'config show'
            printf '%s\t%s\n' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit'
        case 'notify'
            printf '%s\t%s\n' test 'send a test notice and show what the receiver answers' status 'how every channel stands' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit'
        case 'notify test'
            printf '%s\t%s\n' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON'
        case 'notify status'
            printf '%s\t%s\n' --ca-file 'who vouches for the daemon’s certificate (default: $INFRA_MONITOR_CA_FILE, else the certificate of the configuration itself, else the machine’s authorities)' --client-cert 'certificate and key to show to the daemon, where it wants one (default: $INFRA_MONITOR_CLIENT_CERT)' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --json 'print JSON, as the API answers' --url 'address of the daemon (default: from web.listen in the configuration)'
        case 'rules'
            printf '%s\t%s\n' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit'
        case 'dashboard'
            printf '%s\t%s\n' --config 'configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)' --help 'show this help message and exit' --out 'write into this directory: all, or NAME' --page 'where browsers reach the status page (http://127.0.0.1:10142)'
    end
end

function __infra_monitor
    set -l typed
    set -l before (commandline -opc)[-1]
    set -l current (commandline -ct)
    if contains -- "$before" --config --ca-file --client-cert
        __fish_complete_path "$current"
        return
    end
    for word in (commandline -opc)[2..-1]
        set -l longer (string trim -- "$typed $word")
        if not string match -q -- '-*' "$word"; and test -n "$(__infra_monitor_words "$longer" | string collect)"
            set typed "$longer"
        end
    end
    set -l choices (__infra_monitor_words (string trim -- "$typed $before"))
    if string match -q -- '--*' "$before"; and test -n "$choices"
        string join \n -- $choices
        return
    end
    if string match -q -- '-*' "$current$before"
        __infra_monitor_words "$typed"
    else
        __infra_monitor_words "$typed" | string match -v -- '--*'
    end
    if test "$typed" = init; and not string match -q -- '-*' "$current"
        __fish_complete_directories "$current" ''
    end
end

complete -c infra-monitor -f -a '(__infra_monitor)'
