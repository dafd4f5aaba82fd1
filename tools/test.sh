#!/bin/sh
# All tests, after the gate of the core: its tables alone (not the random stories) have to reach every branch of it.
# Fails when anything failed, and says what.
set -u
cd "$(dirname "$0")/.." || exit

# Two for each core: most of a test's time is waiting for something real.
workers=$(($(nproc) * 2))
[ "$workers" -le 4 ] || workers=4

failed=""
measured=$(mktemp -d)
trap 'rm -rf "$measured"' EXIT

coverage() {
    COVERAGE_FILE="$measured/core" .venv/bin/python -m coverage "$@"
}

coverage run --rcfile=tools/core-coverage.toml -m pytest tests/core --quiet \
    --ignore-glob='*/test_law*' --ignore-glob='*/test_mutants*' || failed="$failed tables-of-the-core"
coverage report --rcfile=tools/core-coverage.toml || failed="$failed coverage-of-the-core"
.venv/bin/python -m pytest --numprocesses "$workers" --dist worksteal || failed="$failed tests"

if [ -n "$failed" ]; then
    echo "make test: failed:$failed" >&2
    exit 1
fi
