// The web page in Chromium: first picture from cold, long tasks and memory while scrolling, size of the scripts
//
//   npm run bench -- page [--photos 10000] [--repeats 5] [--throttle 4] [--ways 2] [--model demo]
//     [--only first,scroll,size] [--json] [--out FILE]
//
// Starts `serve` on an embedded database with photos that have pictures: 60 scenes of the demo, which many photos share,
// and random directions as embeddings. Needs Chromium (CHROMIUM=/path/to/chromium).
//
// first: a browser with a new profile opens home, and a search for words that nobody asked for before, whose thumbnails
//   the server has yet to make. Counted from the start of the navigation to the first frame after one with a picture that
//   is at least half faded in. Server and browser share the cores; `throttle` slows the scripts of the page down.
// scroll: a wheel goes through all hits of a search, several times. Tasks of more than 50 ms are those that Chromium
//   reports; a task of 120 ms shows first that it does. Server, database and the parts of the browser share the cores, so
//   a task also waits for a core: `of it CPU` is the processor time of a long task, from a trace. Memory is what JavaScript holds after forced garbage collections.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { newWords } from '../serve/load.mjs'
import { environment, withServer } from '../serve/served.mjs'
import { command, paint } from '../support/model-home.mjs'
import { median, readOptions, report, round, say, spread } from '../support/report.mjs'
import { firstPicture } from './browser.mjs'
import { fillScenes, linkCopies, renderCopies } from './collection.mjs'
import { scroll } from './scrolling.mjs'

const SCENES = 60
const LIMITS = { pictureMs: 1000, taskMs: 50, growth: 1.05, scriptKb: 150 }

const options = readOptions({
  photos: { type: 'string', default: '10000' },
  repeats: { type: 'string', default: '5' },
  throttle: { type: 'string', default: '4' },
  ways: { type: 'string', default: '2' },
  model: { type: 'string', default: 'demo' },
  only: { type: 'string', default: 'first,scroll,size' },
})
const [photos, repeats, throttle, ways] = ['photos', 'repeats', 'throttle', 'ways'].map(name => Number(options[name]))
const wants = part => options.only.split(',').includes(part)

const home = mkdtempSync(join(tmpdir(), 'bench-page-'))
const tables = []
const notes = []
const judge = (what, found, limit, unit) =>
  notes.push(`${what}: ${round(found)} ${unit}, at most ${limit} wanted: ${found <= limit ? 'kept' : 'MISSED'}.`)
try {
  if (wants('size')) measureSize()
  if (wants('first') || wants('scroll')) await withCollection(measure)
  report(options, { bench: 'page', settings: { photos, repeats, throttle, ways, model: options.model }, tables, notes })
} finally {
  rmSync(home, { recursive: true, force: true })
}

async function withCollection(work) {
  const env = { ...environment(join(home, 'embedded'), options.model), OBJECT_STORE: join(home, 'copies') }
  await paint(join(home, 'pictures'))
  const scenes = await renderCopies(join(home, 'scenes'), SCENES)
  linkCopies(join(home, 'copies'), photos, scenes)
  const fill = database => fillScenes(database, photos, scenes)
  try {
    await withServer(env, { pictures: join(home, 'pictures'), fill }, work)
  } finally {
    await command(['db', 'stop'], env)
  }
}

async function measure({ server: { url } }) {
  const words = newWords()
  const search = () => `${url}/search?q=${encodeURIComponent(words())}`
  if (wants('first')) await measureFirst({ home: () => `${url}/`, search })
  if (wants('scroll')) await measureScroll(search)
}

async function measureFirst(views) {
  const rows = []
  for (const cpu of [1, throttle])
    for (const [view, address] of Object.entries(views)) {
      const found = []
      for (let i = 0; i < repeats; i++) {
        say(`first picture of ${view}, CPU / ${cpu}, ${i + 1} of ${repeats}`)
        found.push(await firstPicture(address(), cpu))
        say(`${Math.round(found.at(-1).picture)} ms`)
      }
      const of = name => spread(found.map(it => it[name]))
      rows.push({ view, 'CPU slower by': cpu, 'first paint, ms': of('paint'), 'first picture, ms': of('picture') })
      if (cpu === 1) judge(`First picture of ${view}`, median(found.map(it => it.picture)), LIMITS.pictureMs, 'ms')
    }
  tables.push({ title: `From the navigation to the first picture, new profile, ${photos} photos`, rows })
}

async function measureScroll(search) {
  const rows = []
  for (const cpu of [1, throttle]) {
    const found = await scroll(search(), { throttle: cpu, ways, say })
    for (const { moment, seconds, longTasks, longest, longestCpu, shown, tiles, mib, nodes } of found)
      rows.push({
        ...{ 'CPU slower by': cpu, moment, seconds: seconds && round(seconds), 'tasks over 50 ms': longTasks },
        ...{ 'longest, ms': longest, 'of it CPU, at most, ms': longestCpu && round(longestCpu), photos: shown },
        'photos in the document': tiles,
        ...{ 'heap, MiB': round(mib), nodes },
      })
    if (cpu !== 1) continue
    judge('Longest task while scrolling', Math.max(...found.map(it => it.longest ?? 0)), LIMITS.taskMs, 'ms')
    judge('Most processor time of a task', Math.max(...found.map(it => it.longestCpu ?? 0)), LIMITS.taskMs, 'ms')
    if (ways > 1)
      judge('Memory after the last way, by the first', found.at(-1).mib / found[1].mib, LIMITS.growth, 'times')
  }
  tables.push({ title: `Scrolling through the hits of a search, ${photos} photos`, rows })
}

function measureSize() {
  const folder = fileURLToPath(new URL('../../dist/web/assets/', import.meta.url))
  const rows = readdirSync(folder)
    .filter(name => name.endsWith('.js'))
    .map(file => ({ file, 'KB, gzip': gzipSync(readFileSync(join(folder, file)), { level: 9 }).length / 1000 }))
    .sort((a, b) => b['KB, gzip'] - a['KB, gzip'])
  const all = rows.reduce((sum, row) => sum + row['KB, gzip'], 0)
  tables.push({
    title: 'Scripts of the page',
    rows: [...rows, { file: 'all', 'KB, gzip': all }].map(row => ({ ...row, 'KB, gzip': round(row['KB, gzip']) })),
  })
  judge('All scripts', all, LIMITS.scriptKb, 'KB')
}
