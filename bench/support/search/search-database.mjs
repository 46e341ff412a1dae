// Stores grown vectors (search-corpus.py) as photos and embeddings of a separate model, in the project's tables.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { openHalves } from '../npy.mjs'
import { round, say } from '../report.mjs'

const AT_ONCE = 2_000
const COPY_HEADER = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])
const COPY_END = Buffer.from([0xff, 0xff])

/**
 * The first `count` vectors of a corpus as embeddings of a model with this name; existing ones stay.
 * @returns {Promise<number>} the model's id
 */
export async function loadCorpus(database, corpusFile, name, count) {
  const corpus = openHalves(corpusFile)
  try {
    if (corpus.rows < count) throw new Error(`${corpusFile} has ${corpus.rows} rows, ${count} wanted`)
    const [{ id }] = await database.query(`select register_model($1, 'fp32', 'grown', $2, 100) as id`, [
      name,
      corpus.columns,
    ])
    const [{ there }] = await database.query(`select count(*)::int as there from embeddings_m${id}`)
    if (there === count) return id
    if (there > 0)
      throw new Error(`embeddings_m${id} has ${there} rows, none or ${count} expected: use an empty database`)
    say(`loading ${count} vectors as model ${id}`)
    await database.query(ADD_PHOTOS, [count])
    await database.query('analyze photos')
    await copyVectors(database, 'embeddings', corpus, id, count)
    await database.query(`vacuum analyze embeddings_m${id}`)
    return id
  } finally {
    corpus.close()
  }
}

/** exif_iso is uniform over the photos, from 0 to 1999. */
const ADD_PHOTOS = `
  insert into photos (photo_id, photo_image_url, exif_iso)
  select 'photo-' || lpad(i::text, 8, '0'), 'https://images.example/' || i, (hashint4(i) & 2147483647) % 2000
    from generate_series(0, $1::int - 1) i
  on conflict do nothing`

/** The columns of `embeddings` in a table of its own, for an index over other vectors than the embeddings. */
export async function loadVectors(database, file, table, modelId, count) {
  const [{ there }] = await database.query('select to_regclass($1) is not null as there', [table])
  if (there) return
  const vectors = openHalves(file)
  try {
    say(`loading ${count} vectors into ${table}`)
    const type = `halfvec(${vectors.columns})`
    await database.query(`create table ${table} (model_id integer, photo_id text collate "C", embedding ${type})`)
    await copyVectors(database, table, vectors, modelId, count)
    await database.query(`vacuum analyze ${table}`)
  } finally {
    vectors.close()
  }
}

async function copyVectors(database, table, corpus, modelId, count) {
  const client = await database.pool.connect()
  try {
    await new Promise((resolve, reject) => {
      const copy = new pg.Query(`copy ${table} (model_id, photo_id, embedding) from stdin (format binary)`, error =>
        error ? reject(error) : resolve(),
      )
      copy.handleCopyInResponse = connection => send(connection, corpus, modelId, count).catch(reject)
      client.query(copy)
    })
  } finally {
    client.release()
  }
}

/** https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format"; a halfvec is its length, two unused bytes, its halves. */
async function send(connection, corpus, modelId, count) {
  connection.sendCopyFromChunk(COPY_HEADER)
  const vectorBytes = 4 + 2 * corpus.columns
  const row = Buffer.alloc(2 + 8 + 4 + 14 + 4 + vectorBytes)
  row.writeInt16BE(3, 0)
  row.writeInt32BE(4, 2)
  row.writeInt32BE(modelId, 6)
  row.writeInt32BE(14, 10)
  row.writeInt32BE(vectorBytes, 28)
  row.writeInt16BE(corpus.columns, 32)
  for (let first = 0; first < count; first += AT_ONCE) {
    const rows = Math.min(AT_ONCE, count - first)
    const halves = Buffer.from(corpus.read(first, rows).buffer).swap16()
    const chunk = Buffer.alloc(rows * row.length)
    for (let i = 0; i < rows; i++) {
      row.write(photoId(first + i), 14, 'latin1')
      row.copy(chunk, i * row.length)
      halves.copy(chunk, i * row.length + 36, i * 2 * corpus.columns, (i + 1) * 2 * corpus.columns)
    }
    connection.sendCopyFromChunk(chunk)
    if (connection.stream.writableNeedDrain) await once(connection.stream, 'drain')
  }
  connection.sendCopyFromChunk(COPY_END)
  connection.endCopyFrom()
}

/** Columns of photos that {@link rankPhotos} may fill, one per corpus. */
export const RANK_COLUMNS = ['stats_views', 'stats_downloads', 'photo_width']

/** Fills a column from 0 to 1999: the photos by their distance to a query, in shares of equal size. */
export async function rankPhotos(database, column, modelId, query) {
  const [{ ranked }] = await database.query(`select exists (select from photos where ${column} is not null) as ranked`)
  if (ranked) return
  say('ranking the photos by one query')
  await database.query(
    `update photos p set ${column} = (ranked.position - 1) * 2000 / ranked.photos
       from (select photo_id, row_number() over (order by embedding::vector <#> $2::vector, photo_id) as position,
                    count(*) over () as photos
               from embeddings where model_id = $1) ranked
      where p.photo_id = ranked.photo_id`,
    [modelId, query],
  )
  // The update left a dead row per photo, which a scan would read.
  await database.query('vacuum full photos')
  await database.query('vacuum analyze photos')
}

/** Builds an index as `index build` does, or finds it ready. @returns its size and the time that it took */
export function buildIndex(database, repository, modelId, shape, resources) {
  return timedBuild(database, `embeddings_m${modelId}_${shape.kind}`, () =>
    repository.build(modelId, shape, resources, {
      rebuild: false,
      onEvent: () => {},
      signal: new AbortController().signal,
    }),
  )
}

/**
 * Times a build; the database keeps the time. Processor seconds are those of all server processes that ended meanwhile,
 * so the build must have a connection of its own, and nothing else may run.
 * @param build answers false when the index is there already
 */
export async function timedBuild(database, name, build) {
  say(`building ${name}`)
  await database.query(
    'create table if not exists bench_builds (index_name text primary key, seconds real, cpu_seconds real)',
  )
  const server = await postmaster(database)
  const [start, cpuBefore] = [performance.now(), endedProcessSeconds(server)]
  if (await build()) {
    const seconds = (performance.now() - start) / 1000
    // Until the process of the build has ended.
    await pause(2000)
    await database.query(
      `insert into bench_builds values ($1, $2, $3)
       on conflict (index_name) do update set seconds = excluded.seconds, cpu_seconds = excluded.cpu_seconds`,
      [name, seconds, endedProcessSeconds(server) - cpuBefore],
    )
  }
  const [{ seconds, cpu_seconds, bytes }] = await database.query(
    `select seconds, cpu_seconds, pg_relation_size($1::regclass)::float8 as bytes
       from (values ($1)) as wanted (index_name) left join bench_builds using (index_name)`,
    [name],
  )
  return { seconds: round(seconds), cpuSeconds: round(cpu_seconds), MiB: Math.round(bytes / 2 ** 20) }
}

const CLOCK_TICKS_PER_SECOND = 100

/** The server's main process, when it runs on this machine. */
async function postmaster(database) {
  const [{ pid }] = await database.query('select pg_backend_pid() as pid')
  try {
    return statOf(pid)[1]
  } catch {
    return null
  }
}

/** Fields of /proc/PID/stat behind the name of the program. */
function statOf(pid) {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
}

function endedProcessSeconds(pid) {
  if (pid === null) return Number.NaN
  const stat = statOf(pid)
  return (Number(stat[13]) + Number(stat[14])) / CLOCK_TICKS_PER_SECOND
}

export function photoId(row) {
  return `photo-${String(row).padStart(8, '0')}`
}
