# syntax=docker/dockerfile:1
# Everything that bench/gpu.sh needs but the driver: CUDA 13, cuDNN 9, Node, Redis, Postgres with pgvector.
#
#   docker build -f infra/images/bench-cuda.Dockerfile -t unsplash-clip:bench .
#   docker run --rm --init --gpus all -v unsplash-clip-bench:/app/.bench unsplash-clip:bench
#
# worker-cuda.Dockerfile says why the CUDA part of onnxruntime-node has the name cuda12.
FROM node:24.22.3-bookworm-slim AS node

FROM nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04
# Postgres from its own repository: pgvector of Ubuntu 24.04 is 0.6.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates curl postgresql-common redis-server \
 && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql-18 postgresql-18-pgvector \
 && rm -rf /var/lib/apt/lists/*
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci \
 && ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false --foreground-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY tools/build tools/build
COPY assembly assembly
RUN npm run build
COPY migrations migrations
COPY labels labels
COPY models models
COPY bench bench
# As root: Postgres runs under its own account, for which the files of a benchmark are handed over.
ENTRYPOINT ["bash", "bench/gpu.sh"]
