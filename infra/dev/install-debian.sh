#!/usr/bin/env bash
# Installs, on Debian 12 as root, the servers and programs that the tests run against: Redis, Postgres 15 with pgvector
# (built from Debian's source package, since bookworm has none), Chromium, curl, and Docker Compose, which resolves
# infra/compose.yaml without an engine. Does nothing where they are already here.
# Starts nothing: the tests start their own servers on free ports.
set -euo pipefail

apt() { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq "$@" >/dev/null; }

missing=()
[ -x /usr/bin/redis-server ] || missing+=(redis-server)
[ -x /usr/bin/chromium ] || missing+=(chromium)
command -v curl >/dev/null || missing+=(curl)
docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || missing+=(docker-compose)
[ -x /usr/lib/postgresql/15/bin/postgres ] || missing+=(postgresql-15)
pgvector=/usr/share/postgresql/15/extension/vector.control
[ -e "$pgvector" ] || missing+=(postgresql-server-dev-15 build-essential dpkg-dev)

if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing ${missing[*]}"
  apt update
  apt install -y --no-install-recommends "${missing[@]}"
fi

if [ ! -e "$pgvector" ]; then
  echo "Building pgvector"
  sources=/etc/apt/sources.list.d/unsplash-clip-trixie-src.list
  build=$(mktemp -d)
  trap 'rm -rf "$build" "$sources"' EXIT
  echo 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >"$sources"
  apt update
  (
    cd "$build"
    apt source pgvector
    cd pgvector-*/
    make -s OPTFLAGS="" PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config >/dev/null
    make -s OPTFLAGS="" PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config install >/dev/null
  )
fi
echo "Redis, Postgres 15 with pgvector, Chromium, curl and Docker Compose are installed."
