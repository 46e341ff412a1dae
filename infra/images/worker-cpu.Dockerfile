# syntax=docker/dockerfile:1
# The image of every command on CPUs: workers, producers, migrations.
#
#   docker build -f infra/images/worker-cpu.Dockerfile -t unsplash-clip:latest .
#
# Pinned by tag. For a build that can be repeated bit by bit, add the digest that
# `docker buildx imagetools inspect node:20.20.2-bookworm-slim` prints.
FROM node:20.20.2-bookworm-slim AS base
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

FROM base AS build
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY tools tools
COPY assembly assembly
RUN npm run build

FROM base AS production
RUN npm ci --omit=dev
# onnxruntime-node brings the libraries of every platform: 288 MB, of which this one's are 45.
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
# Two arenas of glibc's malloc: with one for every thread a worker takes a quarter more memory (docs/images.md).
ENV NODE_ENV=production \
    UNSPLASH_CLIP_HOME=/var/lib/unsplash-clip \
    METRICS_HOST=0.0.0.0 \
    METRICS_PORT=9464 \
    MALLOC_ARENA_MAX=2
USER 1000:1000
EXPOSE 9464
# A worker fetches its model before it says that it is well: 156 MB at the first start.
HEALTHCHECK --interval=15s --timeout=10s --start-period=120s CMD ["node", "/app/dist/src/cli/main.js", "health"]
# No init process: the command handles SIGTERM itself, and worker processes have a supervisor that waits for them.
# The heap: photos are counted to it, and it would be collected once in 35 of them (docs/benchmarks.md).
ENTRYPOINT ["node", "--initial-old-space-size=128", "/app/dist/src/cli/main.js"]
# One encoder thread: as many containers as cores are faster than one container with as many threads.
CMD ["worker", "--threads", "1"]
