# syntax=docker/dockerfile:1
# The image of workers on NVIDIA GPUs.
#
#   docker build -f infra/images/worker-cuda.Dockerfile -t unsplash-clip:cuda .
#
# CUDA 13 and cuDNN 9, driver 580 or newer, x86-64: onnxruntime-node's installer calls its files "cuda12", but since 1.27 the
# package that it fetches is built against CUDA 13 (onnxruntime issue 29767). The build checks that nothing is missing.
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
# The only install script that runs: it fetches the CUDA provider (NuGet, Microsoft.ML.OnnxRuntime.Gpu.Linux).
RUN ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false --foreground-scripts
# TensorRT is not used, and its library needs more than this image has.
RUN find node_modules/onnxruntime-node/bin/napi-v6 -mindepth 2 -maxdepth 2 -type d ! -path "*/linux/x64" -exec rm -rf {} + \
 && rm -f node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_tensorrt.so

FROM nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04
COPY --from=base /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY package.json ./
COPY --from=production /app/node_modules node_modules
# The driver's own library, libcuda, comes with the container runtime.
RUN cd node_modules/onnxruntime-node/bin/napi-v6/linux/x64 \
 && missing=$(LD_LIBRARY_PATH=. ldd libonnxruntime_providers_cuda.so | grep 'not found' | grep -v libcuda.so || true) \
 && if [ -n "$missing" ]; then echo "This base image is of another CUDA than onnxruntime-node's: $missing" >&2; exit 1; fi
COPY --from=build /app/dist dist
COPY migrations migrations
COPY labels labels
COPY models models
RUN install -d -o 1000 -g 1000 /var/lib/unsplash-clip/models
# Two arenas of glibc's malloc: with one per thread a worker takes a quarter more memory (docs/explanation/images.md).
ENV NODE_ENV=production \
    UNSPLASH_CLIP_HOME=/var/lib/unsplash-clip \
    METRICS_HOST=0.0.0.0 \
    METRICS_PORT=9464 \
    EXECUTION_PROVIDER=cuda \
    MALLOC_ARENA_MAX=2
USER 1000:1000
EXPOSE 9464
HEALTHCHECK --interval=15s --timeout=10s --start-period=180s CMD ["node", "/app/dist/cli/main.js", "health"]
# V8 counts photos to its heap, and by default collects it once in 35 of them (docs/benchmarks.md).
ENTRYPOINT ["node", "--initial-old-space-size=128", "/app/dist/cli/main.js"]
CMD ["worker"]
