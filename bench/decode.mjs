// Decoding and preprocessing: core milliseconds per photo, beside Pillow and transformers.js
//
// JPEG of 512 pixels and of 12 megapixels.
//
//   PHOTOS=/photos npm run bench -- decode
//     [--photos 200] [--repeats 5]
//
// Peers: Pillow and transformers.js: see bench/peers. All take the same files from memory, one after the other, in turns. `pixels`: 224 × 224 RGB;
// `tensor`: floats, normalised, channel by channel. CPU time of the whole process with all its threads, user and
// system. The large pictures are mosaics of PHOTOS.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { modelFolder, peerPython, photoFiles, runPeer, transformersPeer } from './support/peers.mjs'
import { median, readOptions, report, round, say, spread } from './support/report.mjs'

const options = readOptions({
  photos: { type: 'string', default: '200' },
  repeats: { type: 'string', default: '5' },
})
const LARGE = { width: 4000, height: 3000, count: 4 }

const script = name => fileURLToPath(new URL(`support/decode/${name}`, import.meta.url))
const python = peerPython()
const pillow = python && [python, script('decode-pillow.py')]
const transformers = transformersPeer(script('decode-transformers.mjs'))
const ours = [process.execPath, script('decode-ours.mjs')]
const model = transformers && modelFolder()

const home = mkdtempSync(join(tmpdir(), 'bench-decode-'))
try {
  const folders = await prepare()
  const contenders = [
    ...['pixels', 'tensor'].flatMap(what => [
      { name: 'this program', what, command: ours },
      { name: 'Pillow', what, command: pillow },
      { name: 'transformers.js', what, command: transformers },
    ]),
    { name: 'this program, PREPROCESS=fast', what: 'fast', command: ours },
    { name: 'sharp, decoded and nothing else', what: 'decode', command: ours },
    { name: 'this program, the copy by itself', what: 'copy', command: ours },
    { name: 'this program, the copy encoded again', what: 'encode', command: ours },
    { name: 'this program, pixels and copy as in a worker', what: 'both', command: ours },
  ].filter(({ command }) => command !== null)
  const tables = []
  for (const { title, folder, rounds } of folders) {
    const figures = contenders.map(() => [])
    for (let turn = 0; turn < Number(options.repeats); turn++) {
      say(`${title}: repeat ${turn + 1} of ${options.repeats}`)
      for (const [index, { what, command }] of contenders.entries()) {
        const result = await runPeer(command, [folder, rounds, what, model ?? ''])
        if (result !== null) figures[index].push(result.coreMs)
      }
    }
    const own = what => median(figures[contenders.findIndex(one => one.command === ours && one.what === what)])
    const rows = contenders.flatMap(({ name, what }, index) =>
      figures[index].length === 0
        ? []
        : [
            {
              who: name,
              what,
              'core ms per photo': spread(figures[index]),
              'times this program': ['pixels', 'tensor'].includes(what)
                ? round(median(figures[index]) / own(what))
                : undefined,
            },
          ],
    )
    tables.push({ title, rows })
  }
  await report(options, { bench: 'decode', settings: { photos: options.photos, repeats: options.repeats }, tables })
} finally {
  rmSync(home, { recursive: true, force: true })
}

async function prepare() {
  const [small, large] = [join(home, 'small'), join(home, 'large')]
  mkdirSync(small)
  mkdirSync(large)
  const photos = photoFiles(Number(options.photos))
  for (const photo of photos) cpSync(photo, join(small, basename(photo)))
  for (let i = 0; i < LARGE.count; i++) writeFileSync(join(large, `${i}.jpg`), await mosaic(photos, i * 60))
  return [
    { title: `${photos.length} photos of PHOTOS`, folder: small, rounds: 5 },
    { title: `${LARGE.width} × ${LARGE.height}, ${LARGE.count} mosaics`, folder: large, rounds: 6 },
  ]
}

async function mosaic(photos, first) {
  const { width, height } = LARGE
  const tiles = []
  for (let top = 0, i = first; top < height; top += 500)
    for (let left = 0; left < width; left += 500) {
      const input = await sharp(readFileSync(photos[i++ % photos.length]))
        .resize(500, 500)
        .toBuffer()
      tiles.push({ input, left, top })
    }
  const canvas = sharp({ create: { width, height, channels: 3, background: 'black' } })
  return await canvas.composite(tiles).jpeg({ quality: 85 }).toBuffer()
}
