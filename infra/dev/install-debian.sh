#!/usr/bin/env bash
# Installs, on Debian 12 as root, the servers and programs that the tests run against: Redis, Postgres 15 with pgvector
# (built from Debian's source package, since bookworm has none), pgbouncer, Chromium, curl, pip with venv, Docker Compose, which
# resolves infra/compose.yaml without an engine, iproute2 for network namespaces, exiftool, heif-enc and ffmpeg, which make image files,
# zsh and fish, which complete commands,
# and Prometheus with two exporters. Skips installed ones.
# Starts nothing: the tests start their own servers on free ports.
set -euo pipefail

apt() { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq "$@" >/dev/null; }

missing=()
[ -x /usr/bin/redis-server ] || missing+=(redis-server)
command -v exiftool >/dev/null || missing+=(libimage-exiftool-perl)
command -v heif-enc >/dev/null || missing+=(libheif-examples)
command -v ffmpeg >/dev/null || missing+=(ffmpeg)
command -v zsh >/dev/null || missing+=(zsh)
command -v fish >/dev/null || missing+=(fish)
[ -x /usr/bin/chromium ] || missing+=(chromium)
command -v curl >/dev/null || missing+=(curl)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || missing+=(docker-compose)
command -v ip >/dev/null && command -v tc >/dev/null || missing+=(iproute2)
[ -x /usr/lib/postgresql/15/bin/postgres ] || missing+=(postgresql-15)
[ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
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
# The programs alone: the packages also bring services that listen at once and after each start of the machine.
programs=()
for program in prometheus prometheus-postgres-exporter prometheus-redis-exporter; do
  command -v $program >/dev/null || programs+=("$program")
done
if [ ${#programs[@]} -gt 0 ]; then
  echo "Installing the programs of ${programs[*]}"
  apt update
  packages=$(mktemp -d)
  (
    cd "$packages"
    apt -o APT::Sandbox::User=root download "${programs[@]}"
    for package in *.deb; do dpkg-deb --extract "$package" .; done
    install usr/bin/* /usr/local/bin/
  )
  rm -r "$packages"
fi
echo "Redis, Postgres 15 with pgvector, pgbouncer, Chromium, curl, pip, Docker Compose, iproute2 and Prometheus are installed."
