// A process that encodes RGB pixels as a worker does, and nothing else. Parameters: THREADS IMAGES_PER_CALL PROVIDER; the model
// comes from the settings. It prints `ready`, reads a number of images from stdin, encodes them, and prints the cost.
import { createInterface } from 'node:readline'
import { compose } from '../../dist/compose/app.js'
import { readConfig } from '../../dist/config.js'

const [threads, imagesPerCall, provider] = process.argv.slice(2)
const settings = { THREADS: threads, IMAGES_PER_CALL: imagesPerCall, EXECUTION_PROVIDER: provider }
const app = compose(readConfig({ ...process.env, ...settings }))
const encoder = await app.models.openEncoder(app.config.MODEL, 'image', new AbortController().signal)
const bytes = encoder.input.size ** 2 * 3
const image = Uint8Array.from({ length: bytes }, (_, i) => (i * 2654435761) >>> 24)
await encoder.encodeImages([image])
console.log('ready')
for await (const line of createInterface({ input: process.stdin })) {
  // Every image has its own pixels, as in a worker.
  const images = Array.from({ length: Number(line) }, () => image.slice())
  const [startedAt, cpuBefore] = [performance.now(), process.cpuUsage()]
  await encoder.encodeImages(images)
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  console.log(
    JSON.stringify({
      imagesPerSecond: images.length / seconds,
      coreMs: (user + system) / 1000 / images.length,
      // maxRSS is in KiB: https://nodejs.org/api/process.html#processresourceusage
      peakMib: process.resourceUsage().maxRSS / 1024,
    }),
  )
}
await encoder.close()
await app.close()
