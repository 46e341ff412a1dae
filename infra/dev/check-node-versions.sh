#!/usr/bin/env bash
# Runs the demo on the oldest supported Node 20 and on the newest 22 and 24, and the unit tests on those of them that are
# not this machine's Node, which runs them anyway. The programs come from npm: the packages node-PLATFORM-ARCHITECTURE
# hold what the package `node` would install by a script.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

binary=$(node -p '`node-${process.platform}-${process.arch}`')
echo '{ "private": true }' >"$folder/package.json"
npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent \
  "node20@npm:$binary@20.19.0" "node22@npm:$binary@22" "node24@npm:$binary@24"

npm run --silent build
own=$(node -p 'process.versions.node.split(".")[0]')
for name in node20 node22 node24; do
  (
    PATH=$folder/node_modules/$name/bin:$PATH
    echo "Node $(node --version)"
    if [ "$name" != "node$own" ]; then node node_modules/vitest/vitest.mjs run --project 'unit*'; fi
    node dist/cli/main.js demo --count 60 --folder "$folder/demo-$name" >"$folder/$name.txt" || { cat "$folder/$name.txt" && exit 1; }
  )
done
echo "Unit tests and demo run on Node 20, 22 and 24."
