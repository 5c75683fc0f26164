#!/usr/bin/env bash
# Shows that the history test can fail. Each deliberate bug (tests/EfSecondLevelCache.IntegrationTests/Consistency/Mutants/*.patch) is applied
# to a copy of the tree, where the test has to fail in every run; without any it has to pass. For example: eng/mutants.sh skip-cascades
# MUTANT_RUNS (3) runs of EFSLC_HISTORY_SECONDS (8) each. Takes git, the .NET SDK and what the integration tests take.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
project=tests/EfSecondLevelCache.IntegrationTests
mutants=$PWD/$project/Consistency/Mutants
runs=${MUTANT_RUNS:-3}
export EFSLC_HISTORY_SECONDS=${EFSLC_HISTORY_SECONDS:-8}

(($#)) || set -- $(cd "$mutants" && ls *.patch)
copy=$(mktemp -d /tmp/second-level-cache-mutants.XXXXXX)
trap 'rm -rf "$copy"' EXIT
tar --create --exclude=.git --exclude=bin --exclude=obj . | tar --extract --directory="$copy"

# A bug need not be pretty.
build() {
    dotnet build "$copy/$1" "${@:2}" --configuration Release --nologo --verbosity quiet \
        -p:TreatWarningsAsErrors=false -p:RunAnalyzers=false >"$copy/build.log" 2>&1 || { cat "$copy/build.log" >&2; exit 1; }
}

# The tests stay as they are: only the library is built anew.
build_library() {
    build src/EfSecondLevelCache --no-restore
    cp "$copy"/src/EfSecondLevelCache/bin/Release/net10.0/EfSecondLevelCache.* "$copy/$project/bin/Release/net10.0/"
}

history() {
    dotnet run --no-build --configuration Release --project "$copy/$project" -- -noLogo -noColor -class '*.HistoryTests' >"$copy/history.log" 2>&1
}

build $project
history || { cat "$copy/history.log"; echo "The test fails without any mutant." >&2; exit 1; }
echo "passes without a mutant"

survived=0
for name in "$@"; do
    patch=$mutants/${name%.patch}.patch
    (cd "$copy" && git apply --unsafe-paths "$patch") || { echo "${name%.patch} does not fit the sources any more: $patch" >&2; exit 1; }
    build_library
    caught=() missed=0
    for ((run = 0; run < runs; run++)); do
        # Whatever else goes wrong is not what the mutant is there for.
        if ! history && when=$(grep -om1 'The history is violated [^;]*' "$copy/history.log"); then
            caught+=("${when#The history is violated }")
        else
            missed=$((missed + 1))
            cp "$copy/history.log" "/tmp/missed-${name%.patch}.log"
        fi
    done
    (cd "$copy" && git apply --unsafe-paths --reverse "$patch")

    printf '%-32s caught in %d of %d runs' "${name%.patch}" "${#caught[@]}" "$runs"
    ((${#caught[@]} == 0)) || printf ', %s' "${caught[@]}"
    echo
    survived=$((survived + (missed > 0)))
done

echo "$(($# - survived)) of $# mutants were caught in every run"
((survived == 0))
