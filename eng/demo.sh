#!/usr/bin/env bash
# The query cache on a shop of 100,000 products and 1,000,000 order lines: the same LINQ without and with it, in one command.
#   eng/demo.sh [--products N] [--seconds S] [--readers R]
# Takes the .NET SDK. Uses the server of ConnectionStrings__Demo where that is set, else a private one, for which it installs
# PostgreSQL where the machine has none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source eng/dotnet.sh
source eng/postgres.sh

build_project samples/QuickStart
provide_postgres
dotnet run --no-build --configuration Release --project samples/QuickStart -- "$@"
