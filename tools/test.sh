#!/bin/sh
# All tests. The core comes first, under coverage: every branch of it has to be reached. Fails when anything failed.
set -u
cd "$(dirname "$0")/.." || exit

workers=$(nproc)
[ "$workers" -ge 2 ] || workers=2
[ "$workers" -le 4 ] || workers=4

failed=""
core=$(mktemp -d)
trap 'rm -rf "$core"' EXIT
export COVERAGE_FILE="$core/coverage"

.venv/bin/python -m coverage run --rcfile=tools/core-coverage.toml -m pytest tests/core -n "$workers" || failed="$failed tests/core"
.venv/bin/python -m coverage combine --rcfile=tools/core-coverage.toml --quiet
.venv/bin/python -m coverage report --rcfile=tools/core-coverage.toml || failed="$failed coverage-of-the-core"
.venv/bin/python -m pytest --ignore tests/core -n "$workers" --dist worksteal || failed="$failed tests"

if [ -n "$failed" ]; then
    echo "make test: failed:$failed" >&2
    exit 1
fi
