# Debian's Redis and Postgres, and s3rver: `up`, `status` and `down` of services.sh without Docker.
#
# A server has a folder with the files `port` and `pid`. It keeps its port when it starts again, so that known addresses
# stay valid.

# Postgres refuses to run as root.
as_postgres=()
[ "$(id -u)" != 0 ] || as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)

postgres_programs() {
  local bin version
  for bin in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV); do
    version=$(basename "$(dirname "$bin")")
    [ -x "$bin/initdb" ] && [ -e "/usr/share/postgresql/$version/extension/vector.control" ] && echo "$bin" && return
  done
  return 1
}

redis_program() { command -v redis-server || command -v valkey-server; }

up() {
  install_missing
  if [ ! -e "$folder/password" ]; then (umask 077 && head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$folder/password"); fi
  password=$(cat "$folder/password")
  start redis
  start postgres
  start s3
  write_environment "postgresql://postgres:$password@127.0.0.1:$(port_of postgres)/postgres" \
    "redis://:$password@127.0.0.1:$(port_of redis)" "http://127.0.0.1:$(port_of s3)" S3RVER S3RVER
}

status() {
  local service all=0
  password=$(cat "$folder/password" 2>/dev/null || true)
  for service in redis postgres s3; do
    if runs "$service" && "answers_$service"; then
      printf '%-9s runs on 127.0.0.1:%s as process %s\n' "$service" "$(port_of "$service")" "$(pid_of "$service")"
    else
      printf '%-9s does not run\n' "$service"
      all=1
    fi
  done
  return $all
}

down() {
  local service
  for service in s3 postgres redis; do
    stop "$service"
    # Postgres' folder is elsewhere when its account cannot enter this one.
    rm -rf "$(readlink -f "$folder/$service/data" || true)" "${folder:?}/$service"
  done
  rm -f "$folder/env" "$folder/password"
  rmdir "$folder" 2>/dev/null || true # it is the user's when something else is in it
}

install_missing() {
  redis_program >/dev/null && postgres_programs >/dev/null || {
    if [ "$(id -u)" != 0 ]; then
      echo "Redis or Postgres with pgvector is not installed. Run infra/dev/install-debian.sh as root, then this again." >&2
      exit 1
    fi
    bash "$project/infra/dev/install-debian.sh" 9<&-
  }
  [ -e "$project/node_modules/s3rver/bin/s3rver.js" ] || {
    echo "The S3 server is not installed. Run npm ci in $project, then this again." >&2
    exit 1
  }
}

# start SERVICE: does nothing when it runs; starts a dead service again with its data.
start() {
  local service=$1
  if runs "$service" && "answers_$service"; then return; fi
  stop "$service"
  (umask 077 && mkdir -p "$folder/$service")
  [ -e "$folder/$service/port" ] && port_is_free "$(port_of "$service")" || free_port >"$folder/$service/port"
  local deadline=$((SECONDS + 60))
  until "answers_$service"; do
    # Postgres ends at once while children of a killed server are still ending.
    runs "$service" || "launch_$service" </dev/null >>"$folder/$service/log" 2>&1
    if [ $SECONDS -gt $deadline ]; then
      echo "$service does not answer on port $(port_of "$service") after 60 s. The end of $folder/$service/log:" >&2
      tail -n 20 "$folder/$service/log" >&2 || true
      exit 1
    fi
    sleep 0.2
  done
}

# background SERVICE COMMAND…: in a session of its own, so that Ctrl-C in the terminal does not end it.
background() {
  setsid "${@:2}" 9<&- &
  echo $! >"$folder/$1/pid"
}

launch_redis() {
  (
    umask 077
    cat >"$folder/redis/redis.conf" <<-CONF
		include $project/infra/redis/redis.conf
		bind 127.0.0.1
		port $(port_of redis)
		dir "$folder/redis"
		requirepass "$password"
		maxmemory 1gb
	CONF
  )
  background redis "$(redis_program)" "$folder/redis/redis.conf"
}

answers_redis() {
  local client=redis-cli
  command -v $client >/dev/null || client=valkey-cli
  REDISCLI_AUTH=$password $client -h 127.0.0.1 -p "$(port_of redis)" ping 2>/dev/null | grep -q PONG
}

launch_postgres() {
  local data bin
  bin=$(postgres_programs)
  data=$(postgres_data)
  if [ ! -e "$data/cluster/PG_VERSION" ]; then
    printf '%s' "$password" >"$data/password"
    [ "$(id -u)" != 0 ] || chown postgres: "$data/password"
    "${as_postgres[@]}" "$bin/initdb" -D "$data/cluster" -U postgres -A scram-sha-256 --pwfile="$data/password" \
      -E UTF8 --locale=C.UTF-8 --no-sync
    rm "$data/password"
  fi
  # fsync off: only a killed machine loses data by it, and these data are temporary.
  background postgres "${as_postgres[@]}" "$bin/postgres" -D "$data/cluster" -p "$(port_of postgres)" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 -c fsync=off
}

# The account of Postgres must be able to enter every folder above the data. If it cannot (a project below /root), the data
# are in a temporary folder, and `data` links to it.
postgres_data() {
  local data=$folder/postgres/data place
  if [ ! -e "$data" ] && [ "$(id -u)" = 0 ]; then
    chmod 711 "$folder" "$folder/postgres"
    if "${as_postgres[@]}" test -x "$folder/postgres"; then
      install -d -m 700 -o postgres "$data"
    else
      place=$(mktemp -d "/tmp/unsplash-clip-postgres-XXXXXX")
      chown postgres: "$place"
      ln -s "$place" "$data"
    fi
  fi
  mkdir -p "$data"
  readlink -f "$data"
}

answers_postgres() {
  PGPASSWORD=$password PGCONNECT_TIMEOUT=5 \
    "$(postgres_programs)/psql" -h 127.0.0.1 -p "$(port_of postgres)" -U postgres -Atqc 'select 1' >/dev/null 2>&1
}

launch_s3() {
  mkdir -p "$folder/s3/objects"
  background s3 node "$project/node_modules/s3rver/bin/s3rver.js" --directory "$folder/s3/objects" --address 127.0.0.1 \
    --port "$(port_of s3)" --configure-bucket $bucket --silent
}

answers_s3() { (exec 3<>"/dev/tcp/127.0.0.1/$(port_of s3)") 2>/dev/null; }

port_of() { cat "$folder/$1/port"; }
pid_of() { cat "$folder/$1/pid"; }

# Another process may have the number of a pid file by now; ours has its folder, or its port, in its command line.
runs() {
  local pid
  pid=$(pid_of "$1" 2>/dev/null) && [ -n "$pid" ] &&
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -e "$folder/$1" -e "127.0.0.1:$(port_of "$1")" \
      -e "-p $(port_of "$1") "
}

stop() {
  runs "$1" || return 0
  local pid deadline=$((SECONDS + 20))
  pid=$(pid_of "$1")
  kill -s "$([ "$1" = postgres ] && echo INT || echo TERM)" "$pid" # INT: Postgres does not wait for its clients
  while runs "$1"; do
    [ $SECONDS -le $deadline ] || kill -KILL "$pid" 2>/dev/null || true
    sleep 0.1
  done
}

free_port() {
  node -e "const s = net.createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close() })"
}

port_is_free() {
  node -e "net.createServer().on('error', () => process.exit(1)).listen($1, '127.0.0.1', () => process.exit(0))"
}
