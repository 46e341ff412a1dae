// Export of a collection to files: time and memory of each format, from Postgres and from the embedded database
//
//   npm run bench -- export [--photos 100000] [--formats parquet,npy] [--memory-photos 1000000] [--json] [--out FILE]
//
// Vectors have 512 numbers; photos have some metadata and two labels. Memory is the peak of the resident set of the
// command, of all photos and of a tenth of them; --memory-photos 0 leaves out the larger collection.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../dist/db/connection.js'
import { fillCollection } from '../removal/collection.mjs'
import { startPostgres } from '../support/postgres.mjs'
import { readOptions, report, round, say } from '../support/report.mjs'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const MIB = 2 ** 20
const SAMPLE_MS = 50

const options = readOptions({
  photos: { type: 'string', default: '100000' },
  formats: { type: 'string', default: 'parquet,npy,csv,jsonl,tensorboard' },
  'memory-photos': { type: 'string', default: '0' },
})
const photos = Number(options.photos)
const memoryPhotos = Number(options['memory-photos'])
const formats = options.formats.split(',')
const root = mkdtempSync(join(tmpdir(), 'unsplash-clip-export-'))
const embedded = { UNSPLASH_CLIP_HOME: join(root, 'home'), DATABASE_URL: '' }
const servers = []
const rows = []
try {
  const native = await nativeCollection(photos)
  say(`writing ${photos} photos to the embedded database`)
  await fill((await command(embedded, 'db', 'url')).stdout.trim(), photos)
  for (const [database, environment] of [
    ['Postgres', native],
    ['embedded', embedded],
  ])
    for (const format of formats) rows.push({ database, ...(await measured(environment, format, photos)) })
  if (memoryPhotos > 0) {
    const large = await nativeCollection(memoryPhotos)
    for (const format of formats) rows.push({ database: 'Postgres', ...(await measured(large, format, memoryPhotos)) })
  }
  report(options, {
    bench: 'export',
    settings: { photos, formats, memoryPhotos },
    tables: [{ title: 'Export, 512 numbers per vector', rows }],
  })
} finally {
  for (const server of servers) await server.stop()
  await command(embedded, 'db', 'stop').catch(() => {})
  rmSync(root, { recursive: true })
}

async function nativeCollection(count) {
  say(`writing ${count} photos to Postgres`)
  const server = await startPostgres()
  servers.push(server)
  await fill(server.url, count)
  return { UNSPLASH_CLIP_HOME: join(root, 'native'), DATABASE_URL: server.url }
}

async function fill(url, count) {
  const database = await openDatabase({ url })
  await fillCollection(
    database,
    Array.from({ length: count }, (_, i) => `photo-${String(i).padStart(8, '0')}`),
  )
  await database.close()
}

async function measured(environment, format, count) {
  say(`export --format ${format}, ${count} photos`)
  const target = join(root, 'target')
  const startedAt = performance.now()
  const { stdout, peakBytes } = await command(environment, 'export', target, '--format', format, '--json')
  const seconds = (performance.now() - startedAt) / 1000
  const { bytes } = JSON.parse(stdout)
  rmSync(target, { recursive: true })
  return {
    format,
    photos: count,
    seconds: round(seconds),
    'photos/s': Math.round(count / seconds),
    'MiB written': Math.round(bytes / MIB),
    'peak MiB': Math.round(peakBytes / MIB),
  }
}

/** Runs a command of the program, and looks at its memory while it runs. */
async function command(environment, ...parameters) {
  const env = { ...process.env, MODEL: 'bench', ...environment }
  const child = spawn(process.execPath, [MAIN, ...parameters], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.on('data', chunk => {
    stdout += chunk
  })
  let peakBytes = 0
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(child.pid))
  }, SAMPLE_MS)
  const [code] = await once(child, 'close')
  clearInterval(timer)
  if (code !== 0) throw new Error(`${parameters.join(' ')} ended with ${code}`)
  return { stdout, peakBytes }
}

function residentBytes(pid) {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024
  } catch {
    return 0
  }
}
