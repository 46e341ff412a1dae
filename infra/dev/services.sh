#!/usr/bin/env bash
# infra/dev/services.sh up|down|status
#
# The servers for tests and development: Redis, Postgres with pgvector, an S3 server with a bucket. They listen on
# free ports of the loopback address and keep everything below one folder: $SERVICES_DIR, or .services in the project.
#
#   up      starts servers that do not run yet, and writes FOLDER/env: source it, and the tests find the servers
#   status  shows what runs where; exit code 1 when something does not run
#   down    stops all of it and leaves nothing behind
#
# With a working Docker engine and its compose plugin the servers are those of infra/compose.yaml; else Debian's programs,
# installed when missing (as root), and s3rver from node_modules.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=${SERVICES_DIR:-$project/.services}
case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
bucket=photos
cd / # the account of Postgres may not enter the present folder

usage() {
  echo "Expected one of up, down, status; found \"$*\". Usage: infra/dev/services.sh up|down|status" >&2
  exit 2
}
[ $# -eq 1 ] || usage "$@"
case $1 in up | down | status) ;; *) usage "$@" ;; esac

# Two at once would start everything twice. The lock ends with this process: the servers do not inherit it.
exec 9<"$project/infra/dev/services.sh"
flock 9

# `status` and `down` use the choice of `up`, even if a Docker engine was started or stopped since.
if [ -e "$folder/compose.env" ]; then
  kind=compose
elif [ -e "$folder/password" ]; then
  kind=native
elif docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then
  kind=compose
else
  kind=native
fi

# shellcheck source=services/native.sh source=services/compose.sh
. "$project/infra/dev/services/$kind.sh"

# write_environment DATABASE_URL REDIS_URL S3_ENDPOINT S3_KEY S3_SECRET
write_environment() {
  (
    umask 077
    printf 'export %s\n' \
      "TEST_DATABASE_URL='$1'" "TEST_REDIS_URL='$2'" "TEST_S3_ENDPOINT='$3'" "TEST_S3_BUCKET='$bucket'" \
      "TEST_S3_ACCESS_KEY_ID='$4'" "TEST_S3_SECRET_ACCESS_KEY='$5'" >"$folder/env"
  )
}

case $1 in
  up)
    (umask 077 && mkdir -p "$folder")
    up
    echo "Tests find the servers after: . $folder/env"
    ;;
  status)
    status || { echo "Start what does not run: infra/dev/services.sh up" && exit 1; }
    cat "$folder/env"
    ;;
  down)
    [ ! -d "$folder" ] || down
    echo "Nothing runs."
    ;;
esac
