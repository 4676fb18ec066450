#!/usr/bin/env bash
# Installs what a step needs on Debian 12 with Node 20, and nothing that is there already:
#   scripts/setup.sh build   compilers and npm packages
#   scripts/setup.sh test    also what the tests need (Chromium, PyTorch for the training tests)
set -euo pipefail
cd "$(dirname "$0")/.."
. ./emsdk.env

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

case "${1:-}" in
  build) packages="$APT_BUILD" ;;
  test) packages="$APT_BUILD $APT_TEST $APT_TRAINING" ;;
  *) fail "usage: scripts/setup.sh build|test" ;;
esac

node_major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) || fail "Node $NODE_MIN_MAJOR or newer is needed: https://nodejs.org"
[ "$node_major" -ge "$NODE_MIN_MAJOR" ] || fail "Node $NODE_MIN_MAJOR or newer is needed, found $(node --version)"

missing=()
for package in $packages; do
  case "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" in
    *' installed') ;;
    *) missing+=("$package") ;;
  esac
done
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || fail "this needs Debian's packages: ${missing[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "run as root, or install: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  echo "setup: installing with apt: ${missing[*]}"
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

# npm ci starts from nothing each time, so it runs only when the lock file is not the one last installed.
lock=$(sha256sum package-lock.json | cut -d' ' -f1)
if [ "$(cat node_modules/.installed-lock 2>/dev/null)" != "$lock" ]; then
  echo "setup: npm ci"
  npm ci --no-audit --no-fund
  echo "$lock" > node_modules/.installed-lock
fi
