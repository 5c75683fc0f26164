# shellcheck shell=bash
# Sourced by the scripts beside it: provide_postgres sets ConnectionStrings__Demo to a private, throw-away server, unless it is set
# already. The server listens on the loopback address alone, asks for a random password, and is gone when the script ends.
# Arguments of provide_postgres are further options of the server.

provide_postgres() {
    if [[ -n ${ConnectionStrings__Demo:-} ]]; then
        echo "Using the server of ConnectionStrings__Demo."
        return
    fi

    find_postgres || install_postgres
    start_postgres "$@"
}

# Sets POSTGRES_BIN to the folder of the server binaries. Debian keeps them off PATH.
find_postgres() {
    local candidate
    for candidate in "$(command -v initdb || true)" $(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -Vr); do
        [[ -n $candidate ]] || continue
        POSTGRES_BIN=$(dirname "$(readlink -f "$candidate")")
        [[ -x $POSTGRES_BIN/initdb && -x $POSTGRES_BIN/postgres && -x $POSTGRES_BIN/pg_ctl ]] && return
    done
    return 1
}

install_postgres() {
    local -a root=()
    if ((EUID != 0)); then
        root=(sudo)
    fi

    if ! command -v apt-get >/dev/null || { ((EUID != 0)) && ! command -v sudo >/dev/null; }; then
        echo "No PostgreSQL server binaries were found, and they can't be installed from here (that takes apt-get, and root or sudo)." >&2
        echo "Install PostgreSQL, or set ConnectionStrings__Demo (for the tests: EFSLC_TEST_CONNECTION) to the connection string of a server." >&2
        exit 2
    fi

    echo "No PostgreSQL server binaries were found: installing Debian's package postgresql."
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
    find_postgres || { echo "The package postgresql was installed, but no initdb is on PATH or in /usr/lib/postgresql." >&2; exit 2; }
}

start_postgres() {
    # PostgreSQL refuses to run as root, so root lends it to another user.
    POSTGRES_AS=()
    if ((EUID == 0)); then
        local user=nobody
        if id postgres >/dev/null 2>&1; then user=postgres; fi
        POSTGRES_AS=(runuser -u "$user" --)
    fi

    POSTGRES_DIRECTORY=$(mktemp -d /tmp/second-level-cache-postgres.XXXXXX)
    trap stop_postgres EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM

    local password
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    (umask 077 && echo "$password" >"$POSTGRES_DIRECTORY/password")
    if ((EUID == 0)); then
        chown -R "$user" "$POSTGRES_DIRECTORY"
    fi

    as_postgres "$POSTGRES_BIN/initdb" --pgdata="$POSTGRES_DIRECTORY/data" --username=postgres --pwfile="$POSTGRES_DIRECTORY/password" \
        --auth=scram-sha-256 --encoding=UTF8 --no-locale --no-sync >"$POSTGRES_DIRECTORY/initdb.log" 2>&1 \
        || { cat "$POSTGRES_DIRECTORY/initdb.log" >&2; exit 1; }

    # Nobody needs the data after a crash, hence fsync=off. A port may be taken: try others.
    local attempt port
    for attempt in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 12000))
        if as_postgres "$POSTGRES_BIN/pg_ctl" start --wait --silent \
            --pgdata="$POSTGRES_DIRECTORY/data" --log="$POSTGRES_DIRECTORY/server.log" \
            --options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c shared_buffers=256MB \
                -c max_wal_size=4GB $*" 2>/dev/null; then
            export ConnectionStrings__Demo="Host=127.0.0.1;Port=$port;Username=postgres;Password=$password;Database=postgres"
            echo "Started $("$POSTGRES_BIN/postgres" --version) in $POSTGRES_DIRECTORY for this run."
            return
        fi
    done

    echo "PostgreSQL did not start:" >&2
    cat "$POSTGRES_DIRECTORY/server.log" >&2
    exit 1
}

stop_postgres() {
    trap '' HUP INT TERM
    if [[ -e $POSTGRES_DIRECTORY/data/postmaster.pid ]]; then
        as_postgres "$POSTGRES_BIN/pg_ctl" stop --wait --silent --mode=immediate --pgdata="$POSTGRES_DIRECTORY/data" || true
    fi
    rm -rf "$POSTGRES_DIRECTORY"
}

# From a folder that the other user may enter.
as_postgres() {
    (cd / && "${POSTGRES_AS[@]}" "$@")
}
