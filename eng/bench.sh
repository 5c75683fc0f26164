#!/usr/bin/env bash
# What the cache costs and gains. eng/bench.sh [VERB] [options]
#   queries   in one table and a few minutes: hits, misses and commands that are not cached, beside plain EF Core and the floor (default)
#   nodes     how soon the other nodes know, and what that costs a writer: peers, Redis (of ConnectionStrings__Redis, else a private one), PostgreSQL
#   bdn       the same questions by BenchmarkDotNet, for example: eng/bench.sh bdn --filter '*PrimaryKey*'
#   writes    the hit ratio while one operation in twenty writes, invalidated by row and by table
#   shop-writes   which share of twenty usual queries of a shop is served while 5 and 20 operations of 100 write
#   saturated   how soon a commit of somebody else's is known, and how long other work waits, while tasks that only hit have the thread pool
#   invalidation   what a check and an invalidation cost
# Other verbs of tests/EfSecondLevelCache.Benchmarks are passed on. Uses the server of ConnectionStrings__Demo, else a private one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source eng/dotnet.sh
source eng/postgres.sh

(($#)) || set -- queries
build_project tests/EfSecondLevelCache.Benchmarks
case $1 in
    queries | bdn | writes | shop-writes | nodes) provide_postgres ;;
    saturated) provide_postgres -c wal_level=logical ;;
esac
dotnet run --no-build --configuration Release --project tests/EfSecondLevelCache.Benchmarks -- "$@"
