#!/usr/bin/env bash
# All tests. Arguments go to each test project, for example: eng/test.sh -class '*TransactionTests'
# Takes the .NET SDK. Uses the server of EFSLC_TEST_CONNECTION where that is set, else a private one, for which it installs PostgreSQL
# where the machine has neither its binaries nor a Docker engine. Installs redis-server where it is missing; where it can't, the tests that need it are
# skipped and say so. Fails where a test fails or none ran.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source eng/dotnet.sh
source eng/postgres.sh

[[ -n ${EFSLC_TEST_CONNECTION:-} ]] || find_postgres || docker version >/dev/null 2>&1 || install_postgres

# A package of Debian starts a server of its own, which nobody needs here.
if ! command -v redis-server >/dev/null && command -v apt-get >/dev/null; then
    echo "No redis-server was found: installing Debian's package redis-server."
    as_root=()
    ((EUID == 0)) || as_root=(sudo -n)
    { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-install-recommends redis-server >/dev/null; } || echo "It could not be installed: the tests of Redis will be skipped." >&2
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
passed=0 failed=0 skipped=0

# The number in an attribute of the results' root, such as failed="3".
number() { grep -o '<assembly [^>]*' "$1" | sed -n "s/.* $2=\"\([0-9]*\)\".*/\1/p"; }

for project in tests/*Tests; do
    file=$results/$(basename "$project").xml
    if build_project "$project"; then
        dotnet run --no-build --configuration Release --project "$project" -- -noColor -xml "$file" "$@" || true
    fi
    # No results: it did not build, or it died.
    [[ -s $file ]] || { failed=$((failed + 1)); continue; }
    passed=$((passed + $(number "$file" passed)))
    failed=$((failed + $(number "$file" failed) + $(number "$file" errors)))
    skipped=$((skipped + $(number "$file" skipped)))
done

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
