// Import of vectors into Postgres: rows per second of a first import, of the same one again, and of reading alone
//
//   npm run bench -- import [--rows 1000000] [--dimension 512] [--type f2|f4] [--embedded] [--database-url URL]
//     [--json] [--out FILE]
//
// Writes an .npy file of random unit vectors and a file of ids into a temporary folder (2 GiB for a million rows of 512
// float32), and runs the command `import` on them. Without --database-url it starts its own Postgres with its default
// settings; with --embedded it takes the embedded server. Then the number of vectors in the database is compared.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { toHalf } from '../../dist/domain/half.js'
import { startPostgres } from '../support/postgres.mjs'
import { readOptions, report, round, say } from '../support/report.mjs'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const BLOCK_ROWS = 4096

const options = readOptions({
  rows: { type: 'string', default: '1000000' },
  dimension: { type: 'string', default: '512' },
  type: { type: 'string', default: 'f4' },
  embedded: { type: 'boolean', default: false },
  'database-url': { type: 'string' },
})
const [rows, dimension] = [options.rows, options.dimension].map(Number)
const folder = mkdtempSync(join(tmpdir(), 'unsplash-clip-import-'))
const own = options.embedded || options['database-url'] !== undefined ? null : await startPostgres()
const url = options.embedded ? undefined : (options['database-url'] ?? own.url)
try {
  say(`writing ${rows} vectors`)
  await writeMatrix(join(folder, 'v.npy'))
  await writeIds(join(folder, 'ids.txt'))
  const tables = []
  for (const [what, more] of [
    ['reading and checking alone', ['--dry-run']],
    ['first import', []],
    ['the same again', []],
  ]) {
    say(what)
    const { seconds, memoryMib, summary } = await runImport(more)
    if (summary.rows !== rows || summary.badRows > 0) throw new Error(`${what}: ${JSON.stringify(summary)}`)
    const { added, unchanged } = summary
    tables.push({
      what,
      seconds: round(seconds),
      'rows/s': round(rows / seconds),
      added,
      unchanged,
      'MiB at most': memoryMib,
    })
  }
  const found = url === undefined ? rows : await count()
  if (found !== rows) throw new Error(`${rows} vectors expected in the database, found ${found}`)
  const title = `Import of ${rows} vectors of ${dimension} numbers (${options.type}) into ${options.embedded ? 'the embedded server' : 'Postgres'}`
  report(options, {
    bench: 'import',
    settings: { rows, dimension, type: options.type, embedded: options.embedded },
    tables: [{ title, rows: tables }],
    notes: ['Seconds are those of the command as a whole.'],
  })
} finally {
  if (options.embedded) await run(['db', 'stop']).catch(() => {})
  await own?.stop()
  rmSync(folder, { recursive: true, force: true })
}

/** @returns wall-clock seconds, the largest resident memory, and what the command says */
async function runImport(more) {
  const startedAt = performance.now()
  const { stdout, memoryMib } = await run([
    ...[
      'import',
      join(folder, 'v.npy'),
      '--ids',
      join(folder, 'ids.txt'),
      '--model',
      'bench',
      '--dimension',
      `${dimension}`,
    ],
    ...['--json', ...more],
  ])
  return { seconds: (performance.now() - startedAt) / 1000, memoryMib, summary: JSON.parse(stdout.split('\n')[0]) }
}

async function run(args) {
  const environment = { ...process.env, UNSPLASH_CLIP_HOME: folder, DATABASE_URL: url, LABEL_SETS: '' }
  if (url === undefined) delete environment.DATABASE_URL
  const child = spawn(process.execPath, [MAIN, ...args], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  let memoryMib = 0
  const timer = setInterval(() => {
    memoryMib = Math.max(memoryMib, peakMib(child.pid))
  }, 250)
  const [code] = await once(child, 'close')
  clearInterval(timer)
  if (code !== 0) throw new Error(`${args[0]} ended with ${code}`)
  return { stdout, memoryMib }
}

function peakMib(pid) {
  try {
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024)
  } catch {
    return 0
  }
}

async function writeMatrix(path) {
  const header = `{'descr': '<${options.type}', 'fortran_order': False, 'shape': (${rows}, ${dimension}), }`
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`
  const length = Buffer.alloc(2)
  length.writeUInt16LE(padded.length)
  const stream = createWriteStream(path)
  stream.write(Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(padded)]))
  // The rows of a block differ from those of the others by their order: drawing them all would take minutes.
  const block = Array.from({ length: BLOCK_ROWS }, unitRow)
  for (let done = 0; done < rows; done += BLOCK_ROWS) {
    const taken = Math.min(BLOCK_ROWS, rows - done)
    const shift = (done / BLOCK_ROWS) % BLOCK_ROWS
    const bytes = Buffer.concat(Array.from({ length: taken }, (_, i) => block[(i + shift) % BLOCK_ROWS]))
    if (!stream.write(bytes)) await once(stream, 'drain')
  }
  stream.end()
  await finished(stream)
}

function unitRow() {
  const numbers = Float32Array.from({ length: dimension }, () => Math.random() - 0.5)
  const norm = Math.sqrt(numbers.reduce((sum, value) => sum + value * value, 0))
  const unit = numbers.map(value => value / norm)
  return Buffer.from(options.type === 'f2' ? Uint16Array.from(unit, toHalf).buffer : unit.buffer)
}

async function writeIds(path) {
  const names = Array.from({ length: rows }, (_, i) => `bench-${String(i).padStart(9, '0')}\n`)
  writeFileSync(path, names.join(''))
}

async function count() {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows: counted } = await client.query('select count(*)::integer as vectors from embeddings')
  await client.end()
  return counted[0].vectors
}
