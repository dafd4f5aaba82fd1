#!/bin/sh
# Everything that the demo and the tests need, on a Debian or Ubuntu machine with Python 3.11 or newer.
# It may be run again at any time: what is there already is left alone, and what is missing is named.
set -eu
cd "$(dirname "$0")/.."

NODE_APP=tests/lab/apps/node
BROWSER=tests/browser
STAMPS=.setup

say() { echo "setup: $*"; }

fail() {
    echo "setup: $*" >&2
    exit 1
}

# --- Debian packages -------------------------------------------------------------------------------------------------

has() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if has "$name" && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
}

# A folder that was moved has programs that point to where it was; one whose making failed half-way has no pip.
venv_works() {
    [ -x .venv/bin/python ] && head -n 3 .venv/bin/pip 2>/dev/null | grep -qF "$(pwd -P)/.venv/"
}

missing_packages() {
    venv_works || "$1" -c 'import ensurepip, venv' 2>/dev/null ||
        "$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
    has nginx || echo nginx
    ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || echo postgresql
    has node || echo nodejs
    has npm || echo npm
    has prometheus && has promtool || echo prometheus
    has prometheus-alertmanager && has amtool || echo prometheus-alertmanager
    has nft || echo nftables
    has strace || echo strace
    has ip || echo iproute2
    has openssl || echo openssl
    has setsid || echo util-linux
    # Ubuntu's package of that name is no browser; the tests of the status page say then that they skip
    has chromium || ! grep -qx ID=debian /etc/os-release || echo chromium
    [ -d /usr/share/fonts/opentype/noto ] || echo fonts-noto-cjk
    has zsh || echo zsh
    has fish || echo fish
    has systemd-analyze || echo systemd
}

# Their services are not wanted, only their programs: nothing is started now or at the next boot. What somebody already
# runs is not touched.
install_packages() {
    policy=/usr/sbin/policy-rc.d
    script="set -e
        export DEBIAN_FRONTEND=noninteractive
        log=\$(mktemp)
        quietly() { \"\$@\" >\$log 2>&1 || { cat \$log >&2; exit 1; }; }
        if [ ! -e $policy ]; then
            trap 'rm -f $policy' EXIT
            printf '#!/bin/sh\nexit 101\n' > $policy
            chmod 755 $policy
        fi
        quietly apt-get update
        quietly apt-get install -y --no-install-recommends $*
        rm -f \$log
        if [ -d /run/systemd/system ]; then
            for unit in $*; do
                systemctl disable --quiet \"\$unit\" 2>/dev/null || true
            done
        fi"
    if [ "$(id -u)" -eq 0 ]; then
        sh -c "$script"
    elif has sudo && sudo -n true 2>/dev/null; then
        sudo -n sh -c "$script"
    else
        fail "these Debian packages are missing; install them, then run make again:
    sudo apt-get install --no-install-recommends $*"
    fi
}

# --- Python ----------------------------------------------------------------------------------------------------------

python_packages() {
    venv_works || {
        say "a virtual environment with $("$1" --version)"
        rm -rf .venv
        "$1" -m venv .venv
    }
    say "Python packages, pinned"
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input \
        --require-hashes --requirement requirements-dev.lock
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input \
        --no-deps --no-build-isolation --editable .
}

node_packages() {
    say "npm packages of $1, pinned"
    (cd "$1" && npm ci --omit=dev --no-audit --no-fund --silent)
}

# A step is done when it was done for exactly these files in exactly this place.
unless_done() {
    step=$1
    product=$2
    files=$3
    shift 3
    # shellcheck disable=SC2086 # a list of files
    want="$(pwd -P) $(cat $files | cksum)"
    if [ -e "$product" ] && [ "$(cat "$STAMPS/$step" 2>/dev/null)" = "$want" ]; then
        return
    fi
    "$@"
    mkdir -p "$STAMPS"
    echo "$want" >"$STAMPS/$step"
}

python=$(find_python)
[ -n "$python" ] || fail "Python 3.11 or newer is needed; Debian 12 and Ubuntu 24.04 have it as python3"
missing=$(missing_packages "$python" | tr '\n' ' ')
if [ -n "$missing" ]; then
    has apt-get || fail "missing, and this is no Debian or Ubuntu: $missing"
    say "Debian packages: $missing"
    # shellcheck disable=SC2086 # a list of packages
    install_packages $missing
fi
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ] || fail "Node.js 18 or newer is needed; this is $(node --version)"
unless_done python .venv/bin/infra-monitor "requirements-dev.lock pyproject.toml" python_packages "$python"
unless_done node "$NODE_APP/node_modules/pm2" "$NODE_APP/package-lock.json" node_packages "$NODE_APP"
unless_done browser "$BROWSER/node_modules/axe-core" "$BROWSER/package-lock.json" node_packages "$BROWSER"
say "ready"
