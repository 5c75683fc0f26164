#!/usr/bin/env bash
# All tests that a change needs, in some ten minutes on two cores. eng/test.sh [full | newest] [OPTIONS]
#   full      what takes longer, too: every scenario of a cluster and longer histories, another major of PostgreSQL, and the mutants
#   newest    against the newest patches of EF Core and Npgsql, which a user may have before us
#   OPTIONS   go to each test project, for example: eng/test.sh -class '*TransactionTests'
# Takes the .NET SDK. Uses the server of EFSLC_TEST_CONNECTION where that is set, else private ones, for which it installs PostgreSQL where the machine
# has neither its binaries nor a Docker engine. Installs redis-server and PostGIS where they are missing; where it can't, the tests that need them are
# skipped and say so. Fails where a test fails or none ran. Where to add a test: docs/testing.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source eng/dotnet.sh
source eng/postgres.sh
source eng/second-postgres.sh

full=
if [[ ${1:-} == full ]]; then
    full=1
    shift
    export EFSLC_FULL=1 EFSLC_HISTORY_SECONDS=${EFSLC_HISTORY_SECONDS:-30}
elif [[ ${1:-} == newest ]]; then
    shift
    export NewestPatches=true
fi

if command -v dotnet >/dev/null; then
    # Layout only, which takes seconds: the rules of style are the build's.
    dotnet format whitespace --folder . --verify-no-changes --verbosity quiet --exclude '**/obj/**' '**/bin/**' \
        || { echo "The layout of the files above is not dotnet format's. Run: dotnet format whitespace" >&2; exit 1; }
fi

# Installs a package of Debian that tests can do without.
install_optional() {
    command -v apt-get >/dev/null || return 0
    echo "Installing Debian's package $1."
    local -a as_root=()
    ((EUID == 0)) || as_root=(sudo -n)
    # A package of a server starts one of its own, which nobody needs here.
    { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-upgrade --no-install-recommends "$1" >/dev/null; } || echo "It could not be installed: the tests of $2 will be skipped." >&2
}

[[ -n ${EFSLC_TEST_CONNECTION:-} ]] || find_postgres || docker version >/dev/null 2>&1 || install_postgres
command -v redis-server >/dev/null || install_optional redis-server Redis
if [[ ${POSTGRES_BIN:-} =~ ^/usr/lib/postgresql/([0-9]+)/bin$ && ! -e /usr/share/postgresql/${BASH_REMATCH[1]}/extension/postgis.control ]]; then
    install_optional "postgresql-${BASH_REMATCH[1]}-postgis-3" PostGIS
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
passed=0 failed=0 skipped=0
declare -A running=() started=()

# The number in an attribute of the results' root, such as failed="3".
number() { grep -o '<assembly [^>]*' "$1" | sed -n "s/.* $2=\"\([0-9]*\)\".*/\1/p"; }

# Starts the tests of a project that is built; what they say is shown by finish_all.
start_project() {
    local name=$1 project=$2
    shift 2
    dotnet run --no-build --configuration Release --project "$project" -- -noColor -xml "$results/$name.xml" "$@" >"$results/$name.log" 2>&1 &
    running[$name]=$!
    started[$name]=$SECONDS
}

# Waits for all that was started, and counts.
finish_all() {
    local name file
    for name in "${!running[@]}"; do
        wait "${running[$name]}" || true
        cat "$results/$name.log"
        echo "$name took $((SECONDS - started[$name])) s, beside the others."
        file=$results/$name.xml
        # No results: it died.
        [[ -s $file ]] || { failed=$((failed + 1)); continue; }
        passed=$((passed + $(number "$file" passed)))
        failed=$((failed + $(number "$file" failed) + $(number "$file" errors)))
        skipped=$((skipped + $(number "$file" skipped)))
    done
    running=()
}

# Benchmarks and samples, too: nobody else would notice that they do not compile any more.
build_project EfSecondLevelCache.sln

# Side by side: most of what they do is wait for servers, and each project has servers of its own.
for project in tests/*Tests; do
    # Attacks replace EF Core's services, of which EF Core wants few variants in a process: they have one of their own.
    start_project "$(basename "$project")" "$project" -class- '*.Adversary.*' "$@"
done
finish_all

if [[ -n $full ]]; then
    start_project attacks tests/EfSecondLevelCache.IntegrationTests -class '*.Adversary.*'
    finish_all

    # Not in a subshell, as it sets a variable.
    if fetch_second_postgres >"$results/why"; then
        echo "Once more, what depends on the server: $("$SECOND_POSTGRES_BIN/postgres" --version)."
        export EFSLC_POSTGRES_BIN=$SECOND_POSTGRES_BIN
        EFSLC_TEST_CONNECTION= start_project second-integration tests/EfSecondLevelCache.IntegrationTests \
            -class '*.Sources.*' -class '*.Catalog.*' -class '*.Compatibility.*' -class '*.Consistency.CatalogTests' -class '*.Consistency.RowTests' \
            -class '*.Consistency.UnknownOutcomeTests' -class '*.Consistency.HistoryTests' -class '*.PostgresBackplaneTests' \
            -class '*.PeerMembersTests' -class '*.SynchronousWritesTests'
        EFSLC_TEST_CONNECTION= start_project second-compatibility tests/EfSecondLevelCache.CompatibilityTests
        finish_all
        unset EFSLC_POSTGRES_BIN
    else
        echo "Skipped: the tests on PostgreSQL $SECOND_POSTGRES_VERSION, because $(<"$results/why")."
    fi

    if eng/mutants.sh; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
