// Time of image towers beside each other, as a worker opens them, for example of two precisions of one model
//
//   npm run bench -- precisions FILE.onnx FILE.onnx… [--rounds 15] [--images 8] [--without-vnni]
//
// All files are open at once in one process and take turns, one call each, so that other work on the machine affects all
// of them. The measure is CPU time per image of one thread (`core ms`). `of the first` compares the calls of one turn.
// --without-vnni opens the graphs for CPUs without VNNI, to see on one with it what another way of computing costs.
// Takes half a minute.
import { basename, dirname, join, resolve } from 'node:path'
import { openSession } from '../../dist/models/runtime/session.js'
import { pixelFeeds, SCALE, SIZE } from '../support/pixel-feeds.mjs'
import { median, readOptions, report, spread } from '../support/report.mjs'

const options = readOptions(
  {
    rounds: { type: 'string', default: '15' },
    images: { type: 'string', default: '8' },
    'without-vnni': { type: 'boolean', default: false },
  },
  { allowPositionals: true },
)
const { positionals: files, rounds, images, 'without-vnni': withoutVnni } = options
if (files.length === 0) throw new Error('expected the files of image towers, found none')

const target = { provider: 'cpu', threads: 1, ...(withoutVnni ? { vnni: false } : {}) }
const opened = []
for (const file of files) {
  const session = await openSession(resolve(file), target, { size: SIZE, ...SCALE })
  opened.push({ file, session, feeds: pixelFeeds(session, Number(images)), coreMs: [] })
}
for (const { session, feeds } of opened) for (let i = 0; i < 2; i++) await session.run(feeds)
for (let round = 0; round < Number(rounds); round++)
  for (const { session, feeds, coreMs } of round % 2 ? opened : opened.toReversed()) {
    const before = process.cpuUsage()
    await session.run(feeds)
    const { user, system } = process.cpuUsage(before)
    coreMs.push((user + system) / 1000 / Number(images))
  }
for (const { session } of opened) await session.release()

const [first] = opened
const rows = opened.map(({ file, coreMs }) => ({
  '': join(basename(dirname(dirname(resolve(file)))), basename(file)),
  'core ms': spread(coreMs),
  'of the first': Number(median(coreMs.map((each, round) => each / first.coreMs[round])).toFixed(3)),
}))
const title = `image towers, 1 thread, ${images} images per call${withoutVnni ? ', opened as for a CPU without VNNI' : ''}`
report(options, {
  bench: 'precisions',
  settings: { rounds, images, withoutVnni },
  tables: [{ title, rows }],
})
