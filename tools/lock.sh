#!/bin/sh
# Renew the pins: hashes for every Python package, no address of any registry in any lock file.
set -eu
cd "$(dirname "$0")/.."

compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header "$@"
}

echo "setup: requirements.lock"
compile pyproject.toml --output-file requirements.lock
echo "setup: requirements-dev.lock"
compile pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock

# npm copies the authors' own addresses (funding, licences) into the lock file, which needs none of them
lock_npm() (
    echo "setup: $1/package-lock.json"
    cd "$1"
    npm install --package-lock-only --omit=dev --silent
    node -e '
const fs = require("node:fs")
const lock = JSON.parse(fs.readFileSync("package-lock.json", "utf8"))
for (const entry of Object.values(lock.packages)) {
  delete entry.funding
  delete entry.license
  delete entry.licenses
}
fs.writeFileSync("package-lock.json", JSON.stringify(lock, null, 2) + "\n")
'
)

lock_npm tests/lab/apps/node
lock_npm tests/browser
