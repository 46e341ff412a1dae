# syntax=docker/dockerfile:1
# The image of every command on CPUs: workers, producers, migrations.
#
#   docker build -f infra/images/worker-cpu.Dockerfile -t unsplash-clip:latest .
#
# Pinned by tag. For a build that can be repeated bit by bit, add the digest that
# `docker buildx imagetools inspect node:24.22.3-bookworm-slim` prints.
FROM node:24.22.3-bookworm-slim AS base
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

FROM base AS build
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY tools/build tools/build
COPY assembly assembly
COPY web web
RUN npm run build

FROM base AS production
RUN npm ci --omit=dev
# onnxruntime-node contains the libraries of every platform: 288 MB, of which this platform needs 45.
RUN find node_modules/onnxruntime-node/bin/napi-v6 -mindepth 2 -maxdepth 2 -type d \
      ! -path "*/linux/$(node -p process.arch)" -exec rm -rf {} +

FROM base
COPY --from=production /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY migrations migrations
COPY labels labels
COPY models models
# Downloaded models are the only files that a worker with an object store keeps; a volume that is mounted here takes over
# this owner.
RUN install -d -o node -g node /var/lib/unsplash-clip/models
# Two arenas of glibc's malloc: with one per thread a worker takes a quarter more memory (docs/explanation/images.md).
ENV NODE_ENV=production \
    UNSPLASH_CLIP_HOME=/var/lib/unsplash-clip \
    METRICS_HOST=0.0.0.0 \
    METRICS_PORT=9464 \
    MALLOC_ARENA_MAX=2
USER 1000:1000
EXPOSE 9464
# A worker fetches its model before it reports health: 608 MB at the first start, of which it makes the files in 8 bits.
HEALTHCHECK --interval=15s --timeout=10s --start-period=120s CMD ["node", "/app/dist/cli/main.js", "health"]
# No init process: the command handles SIGTERM itself, and worker processes have a supervisor that waits for them.
# V8 counts photos to its heap, and by default collects it once in 35 of them (docs/benchmarks.md).
ENTRYPOINT ["node", "--initial-old-space-size=128", "/app/dist/cli/main.js"]
# One encoder thread: one container per core is faster than one container with as many threads.
CMD ["worker", "--threads", "1"]
