// A process that runs a vision tower on pixels computed beforehand, and does nothing else: the throughput of the model alone.
// Parameters: FILE THREADS IMAGES_PER_CALL SESSION, which is one of
//   default  the file as it is, with the runtime's defaults
//   sleeping the file as it is, with the options of this program's sessions: idle threads sleep instead of spinning
//   ours     the file as this program opens it, its graph made faster
// It prints `ready`. For every number of seconds on stdin it runs that long and prints the result. It ends with stdin.
import { createInterface } from 'node:readline'
import { InferenceSession } from 'onnxruntime-node'
import { openSession } from '../../dist/models/runtime/session.js'
import { pixelFeeds, SCALE, SIZE } from './pixel-feeds.mjs'

const [file, threads, imagesPerCall, how] = process.argv.slice(2)
const count = Number(imagesPerCall)
const session = await open()
const feeds = pixelFeeds(session, count)
await session.run(feeds)
await session.run(feeds)
console.log('ready')
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await measure(Number(line))))
await session.release()

async function measure(seconds) {
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  let runs = 0
  while (performance.now() - startedAt < 1000 * seconds) {
    await session.run(feeds)
    runs++
  }
  const ms = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpuBefore)
  return { imagesPerSecond: (1000 * runs * count) / ms, coreMsPerImage: (user + system) / 1000 / (runs * count) }
}

async function open() {
  const intraOpNumThreads = Number(threads)
  if (how === 'ours')
    return openSession(file, { threads: intraOpNumThreads, provider: 'cpu' }, { size: SIZE, ...SCALE })
  const sleeping = { executionMode: 'sequential', extra: { session: { intra_op: { allow_spinning: '0' } } } }
  return InferenceSession.create(file, { intraOpNumThreads, ...(how === 'sleeping' ? sleeping : {}) })
}
