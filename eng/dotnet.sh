# shellcheck shell=bash
# Sourced by the scripts beside it.

# Builds a project in Release; quiet unless it fails.
build_project() {
    if ! command -v dotnet >/dev/null; then
        echo "The .NET SDK is missing (no dotnet on PATH). Install version 10: https://dotnet.microsoft.com/download" >&2
        exit 2
    fi

    echo "Building $1."
    local output
    output=$(dotnet build "$1" --configuration Release --nologo --verbosity quiet 2>&1) || { echo "$output" >&2; exit 1; }
}
