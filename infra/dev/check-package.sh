#!/usr/bin/env bash
# Packs the project as `npm publish` does, installs the package in an empty folder as a user would, without development
# dependencies and install scripts, and runs the demo there.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# .npmrc turns scripts off, so the package's own prepack has to be allowed: it builds the files to pack.
npm pack --ignore-scripts=false --silent --pack-destination "$folder" >/dev/null
mkdir "$folder/empty"
cd "$folder/empty"
npm install "$(echo "$folder"/*.tgz)" --omit=dev --ignore-scripts --prefer-offline --no-audit --no-fund --silent
npx --no-install unsplash-clip demo
echo "The packed package runs the demo."
