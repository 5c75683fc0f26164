#!/usr/bin/env bash
# Shows that the tests of consistency can fail. Each deliberate bug (tests/EfSecondLevelCache.IntegrationTests/Consistency/Mutants/*.patch) is applied
# to a copy of the tree, where the history test, or the class that the patch names in a line "Caught by: ...", has to fail in every run; without any
# it has to pass. For example: eng/mutants.sh skip-cascades
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

run_tests() {
    dotnet run --no-build --configuration Release --project "$copy/$project" -- -noLogo -noColor -class "*.$1" >"$copy/tests.log" 2>&1
}

# What the tests of a class say of their failure, in a few words; nothing where they pass, or fail of something else than a mutant is there for.
complaint() {
    if ! run_tests "$1"; then
        if [[ $1 == HistoryTests ]]; then
            grep -om1 'The history is violated [^;]*' "$copy/tests.log" | sed 's/The history is violated //'
        else
            sed -n 's/.*\.\([A-Za-z_]*\).* \[FAIL\]$/\1/p' "$copy/tests.log" | head -1
        fi
    fi
}

class_of() { sed -n 's/^Caught by: //p' "$@"; }

build $project
for class in $(printf '%s\n' HistoryTests $(class_of "$mutants"/*.patch) | sort -u); do
    run_tests "$class" || { cat "$copy/tests.log"; echo "$class fails without any mutant." >&2; exit 1; }
    echo "$class passes without a mutant"
done

survived=0
for name in "$@"; do
    patch=$mutants/${name%.patch}.patch
    (cd "$copy" && git apply --unsafe-paths "$patch") || { echo "${name%.patch} does not fit the sources any more: $patch" >&2; exit 1; }
    build_library
    class=$(class_of "$patch")
    class=${class:-HistoryTests}
    caught=() missed=0
    for ((run = 0; run < runs; run++)); do
        when=$(complaint "$class" || true)
        if [[ -n $when ]]; then
            caught+=("$when")
        else
            missed=$((missed + 1))
            cp "$copy/tests.log" "/tmp/missed-${name%.patch}.log"
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
