# The servers of infra/compose.yaml: `up`, `status` and `down` of services.sh with Docker.

# One project for each folder, so that two checkouts have servers of their own.
compose() {
  docker compose --project-name "unsplash-clip-dev-$(cksum <<<"$folder" | cut -d ' ' -f 1)" \
    --env-file "$folder/compose.env" -f "$project/infra/compose.yaml" -f "$project/infra/dev/compose.yaml" "$@"
}

up() {
  local name
  if [ ! -e "$folder/compose.env" ]; then
    (
      umask 077
      for name in POSTGRES_PASSWORD REDIS_PASSWORD S3_ACCESS_KEY S3_SECRET_KEY GRAFANA_PASSWORD; do
        echo "$name=$(od -An -N16 -tx1 /dev/urandom | tr -d ' ')"
      done >"$folder/compose.env"
    )
  fi
  compose up --detach --wait postgres redis s3
  compose run --rm bucket
  # shellcheck disable=SC1091
  . "$folder/compose.env"
  # shellcheck disable=SC2153
  write_environment "postgresql://unsplash_clip:$POSTGRES_PASSWORD@$(compose port postgres 5432)/unsplash_clip" \
    "redis://:$REDIS_PASSWORD@$(compose port redis 6379)" "http://$(compose port s3 7070)" "$S3_ACCESS_KEY" "$S3_SECRET_KEY"
}

status() {
  [ -e "$folder/compose.env" ] || { echo "No containers were started." && return 1; }
  compose ps
  [ "$(compose ps --status running --services | grep -cxE 'postgres|redis|s3')" = 3 ]
}

down() {
  [ ! -e "$folder/compose.env" ] || compose down --volumes --remove-orphans
  rm -f "$folder/env" "$folder/compose.env"
  rmdir "$folder" 2>/dev/null || true # it is the user's when something else is in it
}
