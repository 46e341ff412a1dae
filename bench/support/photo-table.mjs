// Writes a table as wide as the dataset's photos.tsv: 31 columns, about 430 bytes per row, one row in ten with quotes or
// letters beyond ASCII. The same rows every time.
//
//   node bench/support/photo-table.mjs FILE ROWS [WORDS]
//
// WORDS: descriptions use this number of invented words, as unevenly as languages do (Zipf), instead of the same few. For a full
// text index that is as large as a real one.
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { DATASET_COLUMNS } from '../../dist/domain/photo.js'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const PLACES = ['Yosemite Valley, United States', 'Skógafoss, Iceland', 'Kyōto, Japan', '']
const DESCRIPTIONS = [
  'Woman exploring a forest',
  '"A sign that says ""open"", seen\nfrom the other side of the street"',
  'Étang du matin près de Sète',
  '',
]

const [file, rows, words] = process.argv.slice(2)
await writeTable(file, Number(rows))

async function writeTable(file, count) {
  const out = createWriteStream(file, { highWaterMark: 1024 * 1024 })
  out.write(`${Object.keys(DATASET_COLUMNS).join('\t')}\n`)
  for (let i = 0; i < count; ) {
    const lines = []
    for (const end = Math.min(i + 2000, count); i < end; i++) lines.push(row(i))
    if (!out.write(lines.join(''))) await once(out, 'drain')
  }
  out.end()
  await finished(out)
}

function row(i) {
  const random = xorshift(i + 1)
  const id = Array.from({ length: 11 }, () => ALPHABET[random() % 64]).join('')
  const place = PLACES[random() % PLACES.length]
  const description = DESCRIPTIONS[i % 20 === 0 ? 1 : i % 20 === 1 ? 2 : random() % 2 === 0 ? 0 : 3]
  const camera = random() % 3 > 0
  return `${[
    id,
    `https://unsplash.com/photos/${id}`,
    `https://images.unsplash.com/photo-${1400000000000 + i}-${(random() >>> 0).toString(16).padStart(12, '0')}`,
    `20${10 + (i % 15)}-0${1 + (i % 9)}-1${i % 10} 0${i % 10}:08:38.594364`,
    i % 50 === 0 ? 't' : 'f',
    4272,
    2848,
    1.5,
    words ? description && invented(random, 6) : description,
    `photographer${i % 90000}`,
    'Michelle',
    'Spencer',
    camera ? 'Canon' : '',
    camera ? 'Canon EOS REBEL T3' : '',
    camera ? 100 * (1 + (random() % 64)) : '',
    camera ? '1.8' : '',
    camera ? '50.0' : '',
    camera ? '1/100' : '',
    place,
    place && ((random() % 18000) / 100 - 90).toFixed(7),
    place && ((random() % 36000) / 100 - 180).toFixed(7),
    place && 'United States',
    '',
    random() % 10_000_000,
    random() % 100_000,
    words ? invented(random, 10) : 'woman walking in the middle of forest during a day of early autumn',
    '',
    '',
    '',
    '',
    'L56bVcRRIWMh.gVunlS4SMbsRRxr',
  ].join('\t')}\n`
}

/** Words by rank: the n-th is drawn n times as rarely as the first. */
function invented(random, count) {
  const word = () => `w${Math.floor(Number(words) ** (random() / 2 ** 32)).toString(36)}ing`
  return Array.from({ length: count }, word).join(' ')
}

/** Marsaglia's xorshift32, the same numbers on every machine. */
function xorshift(seed) {
  let state = Math.imul(seed, 2654435761) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
