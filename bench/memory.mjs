// Memory of a worker process at batches of 64, with a photo of 50 megapixels in every hundred
//
//   DATABASE_URL=… REDIS_URL=… npm run bench -- memory [--photos 5000] [--every 100] [--concurrency 2]
//       [--photos-per-job 64] [--model demo] [--supervised]
//   npm run bench -- memory --embedded
//
// A real worker with a real model. A server on loopback serves a few generated files under many paths: 512-pixel
// JPEG, and of 50 megapixels in turn a baseline, a progressive and an EXIF-rotated JPEG, a PNG, an interlaced PNG, a
// WebP. Resident memory is sampled five times per second; 128 MiB of it are the program and the demo model.
// `--supervised`: with the options that `worker --processes` gives its processes. Linux only.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import sharp from 'sharp'
import { compose } from '../dist/compose/app.js'
import { readConfig } from '../dist/config.js'
import { V8_OPTIONS } from '../dist/workers/supervisor/supervisor.js'
import { children, peakMib } from './support/cpu.mjs'
import { readOptions, report, round, say } from './support/report.mjs'
import { openPlace, startRun, startWorkers } from './support/workers.mjs'

const options = readOptions({
  photos: { type: 'string', default: '5000' },
  every: { type: 'string', default: '100' },
  'photos-per-job': { type: 'string', default: '64' },
  concurrency: { type: 'string', default: '2' },
  model: { type: 'string', default: 'demo' },
  embedded: { type: 'boolean', default: false },
  supervised: { type: 'boolean', default: false },
})
const [photosPerJob, every] = [Number(options['photos-per-job']), Number(options.every)]
const batches = Math.ceil(Number(options.photos) / photosPerJob)
const SAMPLE_MS = 200
const LARGE = { width: 8192, height: 6144 }

say('generating pictures')
const { small, large } = await pictures()
const server = await serve()
const place = await openPlace({
  embedded: options.embedded,
  imageHost: server.host,
  settings: { WORKER_CONCURRENCY: options.concurrency, MODEL: options.model, LABEL_SETS: 'none', THREADS: '1' },
})
try {
  const app = compose(readConfig(place.environment))
  const model = await app.models.identity()
  await app.close()
  const run = await startRun(place.environment, { batches, photosPerJob, imageHost: server.host, store: true, model })
  const before = new Set(children(process.pid))
  const environment = { ...place.environment, ...(options.supervised ? { MALLOC_ARENA_MAX: '2' } : {}) }
  const workers = await startWorkers(1, environment, options.supervised ? V8_OPTIONS : [])
  const pid = children(process.pid).find(child => !before.has(child) && isWorker(child))
  const samples = []
  const sampler = setInterval(() => samples.push(residentMib(pid)), SAMPLE_MS)
  const startedAt = performance.now()
  await run.add()
  await run.done()
  const seconds = (performance.now() - startedAt) / 1000
  clearInterval(sampler)
  const peak = peakMib(pid)
  await workers.stop()
  await run.close()
  const quarter = Math.ceil(samples.length / 4)
  const most = part => round(Math.max(...part), 4)
  report(options, {
    bench: 'memory',
    settings: {
      photos: batches * photosPerJob,
      every,
      batch: photosPerJob,
      concurrency: options.concurrency,
      model: options.model,
      supervised: options.supervised,
    },
    tables: [
      {
        title: `a worker, ${batches * photosPerJob} photos, ${Math.floor((batches * photosPerJob) / every)} of them of 50 megapixels`,
        rows: [
          {
            'peak, MiB': round(peak, 4),
            'first quarter, MiB': most(samples.slice(0, quarter)),
            'last quarter, MiB': most(samples.slice(-quarter)),
            'median, MiB': round(samples.toSorted((a, b) => a - b)[samples.length >> 1], 4),
            seconds: round(seconds),
          },
        ],
      },
    ],
    samples,
  })
} finally {
  await place.close()
  server.close()
}

/** Pictures with detail, so that they are costly to decode. */
async function pictures() {
  const noisy = (width, height) =>
    sharp({
      create: { width, height, channels: 3, background: '#808080', noise: { type: 'gaussian', sigma: 40, mean: 128 } },
    })
  const small = await Promise.all(
    [768, 683, 910, 341].map(width => noisy(width, 512).blur(2).jpeg({ quality: 80 }).toBuffer()),
  )
  // Few colours per row: otherwise a PNG of this size would exceed the limit of workers.
  const tile = await noisy(256, 256).blur(3).png({ palette: true, colours: 32 }).toBuffer()
  const scene = () =>
    sharp({ create: { ...LARGE, channels: 3, background: 'black' }, limitInputPixels: false }).composite([
      { input: tile, tile: true },
    ])
  const large = []
  for (const encode of [
    image => image.jpeg({ quality: 80 }),
    image => image.jpeg({ quality: 80, progressive: true }),
    image =>
      image
        .withExif({ IFD0: { Orientation: '6' } })
        .withMetadata({ orientation: 6 })
        .jpeg({ quality: 80 }),
    image => image.png({ compressionLevel: 1 }),
    image => image.png({ compressionLevel: 1, progressive: true }),
    image => image.webp({ quality: 60, effort: 0 }),
  ])
    large.push(await encode(scene()).toBuffer())
  say(`large files: ${large.map(file => `${round(file.length / 2 ** 20)} MiB`).join(', ')}`)
  return { small, large }
}

async function serve() {
  const server = createServer((request, response) => {
    const [, batch, photo] = /photo-(\d+)-(\d+)/.exec(request.url) ?? [0, 0, 0]
    const index = Number(batch) * photosPerJob + Number(photo)
    const file =
      index % every === every - 1 ? large[Math.floor(index / every) % large.length] : small[index % small.length]
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.length }).end(file)
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${server.address().port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function isWorker(pid) {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker-process.mjs')
}

function residentMib(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
}
