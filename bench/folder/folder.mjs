// A second ingest of a large folder that has not changed: its time and its peak memory
//
//   npm run bench -- folder [--photos 100000] [--rounds 3] [--database-url URL] [--json] [--out FILE]
//
// Files are 8 x 8 PNGs that differ in their last bytes, in folders of 500. A first ingest reads and records them; then they
// count as embedded. Without --database-url the database is the embedded one.
import { deepStrictEqual } from 'node:assert'
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { openDatabase } from '../../dist/db/connection.js'
import { embedRandomly } from '../removal/collection.mjs'
import { readOptions, report, round, say } from '../support/report.mjs'

const PER_FOLDER = 500
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

const options = readOptions({
  photos: { type: 'string', default: '100000' },
  rounds: { type: 'string', default: '3' },
  'database-url': { type: 'string' },
})
const [photos, rounds] = [options.photos, options.rounds].map(Number)
const root = mkdtempSync(join(tmpdir(), 'unsplash-clip-folder-'))
const environment = { ...process.env, UNSPLASH_CLIP_HOME: join(root, 'home'), MODEL: 'demo' }
if (options['database-url']) environment.DATABASE_URL = options['database-url']
try {
  say(`writing ${photos} files`)
  await writeFiles(join(root, 'photos'))
  say('first ingest')
  const first = await ingest()
  await markEmbedded()
  const rows = []
  for (let i = 1; i <= rounds; i++) {
    say(`round ${i}`)
    const { seconds, mebibytes, summary } = await ingest()
    deepStrictEqual([summary.photos, summary.alreadyEmbedded, summary.enqueuedPhotos], [photos, photos, 0])
    rows.push({ round: i, seconds: round(seconds), 'peak memory, MiB': round(mebibytes) })
  }
  report(options, {
    bench: 'folder',
    settings: { photos, rounds, database: options['database-url'] ? 'native' : 'embedded' },
    tables: [{ title: `Second ingest of ${photos} files without changes`, rows }],
    notes: [`The first ingest took ${round(first.seconds)} s and ${round(first.mebibytes)} MiB.`],
  })
} finally {
  await command('db', 'stop').catch(() => {})
  rmSync(root, { recursive: true })
}

async function writeFiles(folder) {
  const picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'teal' } })
    .png()
    .toBuffer()
  for (let i = 0; i < photos; i++) {
    const below = join(folder, `album ${Math.floor(i / PER_FOLDER)}`)
    if (i % PER_FOLDER === 0) mkdirSync(below, { recursive: true })
    writeFileSync(join(below, `IMG_${i}.png`), Buffer.concat([picture, Buffer.from(String(i))]))
  }
}

async function markEmbedded() {
  const url = options['database-url'] ?? (await command('db', 'url')).trim()
  const database = await openDatabase({ url })
  const [{ id, dimension }] = await database.query('select id, dimension from models')
  const rows = await database.query('select photo_id from photos')
  const ids = rows.map(({ photo_id: photoId }) => photoId)
  for (let from = 0; from < ids.length; from += 5000)
    await embedRandomly(database, id, ids.slice(from, from + 5000), dimension)
  await database.close()
}

async function ingest() {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [MAIN, 'ingest', join(root, 'photos'), '--label-set', 'none', '--json'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, highestMemory(child.pid))
  }, 100)
  let summary
  for await (const line of createInterface({ input: child.stdout })) summary ??= JSON.parse(line)
  clearInterval(watch)
  if (summary === undefined) throw new Error('the ingest printed no summary')
  return { seconds: (performance.now() - startedAt) / 1000, mebibytes: peak / 1024, summary }
}

/** In KiB; 0 when the process has ended. */
function highestMemory(pid) {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

async function command(...parameters) {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...parameters], { env: environment })
  return stdout
}
