import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import { AppError } from '../domain/errors.js'
import type { IndexKind, IndexShape } from '../domain/index-plan.js'
import type { BuildOptions, BuildResources } from '../domain/ports/index-repository.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { TextSpace } from '../domain/text-space.js'
import type { Database, Session } from './connection.js'
import { translate } from './errors.js'
import { createTextSpace, dropTextSpace, textSpaceDimension, textSpaceNames } from './text-space-sql.js'

const SECOND = 1000
/** Under which, with the id of the model, one connection builds; the view index_status looks for it. Any number of our own. */
const BUILD_LOCK = 1_668_049_256
const POLL_MS = SECOND / 2
/** Whoever waits for the lock of a table holds up all who come after: in short pieces, between which they go on. */
const LOCK_TIMEOUT = '2s'
const LOCK_TRIES = 40
const BETWEEN_TRIES_MS = 200

const LOCK_NOT_AVAILABLE = '55P03'
/** Of what a build does, only `concurrently` on a partitioned table is not supported. */
const FEATURE_NOT_SUPPORTED = '0A000'
/** disk_full (of /dev/shm), out_of_memory, program_limit_exceeded: what a build says that lacks memory. */
const MEMORY_STATES = new Set(['53100', '53200', '54000'])

const TRY_LOCK = 'select pg_backend_pid() as pid, pg_try_advisory_lock($1, $2) as locked'
const HOLDER = `
  select min(pid) as pid from pg_locks
   where locktype = 'advisory' and classid = $1 and objid = $2 and objsubid = 2 and granted`
const FIND = `
  select c.relname as name, i.indisvalid as valid, c.reloptions as options from pg_index i join pg_class c on c.oid = i.indexrelid
   where c.oid in (to_regclass($1), to_regclass($2))`
const PROGRESS = `
  select phase, nullif(current_locker_pid, 0) as "waitsFor",
         (100.0 * coalesce(tuples_done::float8 / nullif(tuples_total, 0), blocks_done::float8 / nullif(blocks_total, 0)))
           as percent
    from pg_stat_progress_create_index where pid = $1`
const CANCEL = 'select pg_cancel_backend($1)'
const PGVECTOR_SCHEMA = `
  select n.nspname as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector'`
const FORGET_SETTINGS = 'delete from search_settings where index_name = $1'

export interface BuildTarget {
  modelId: ModelId
  dimension: number
  photos: number
  /** Of an index of kind `text`. */
  space: TextSpace | null
}

interface Found extends Record<string, unknown> {
  name: string
  valid: boolean
  options: string[]
}

/** Statements on one connection, outside of a transaction. */
type Run = <Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]) => Promise<Row[]>

const indexName = (modelId: ModelId, kind: IndexKind): string => `embeddings_m${modelId}_${kind}`
const BUILDING = '_building'
const nameWhileBuilt = (name: string): string => `${name}${BUILDING}`

/**
 * Embeddings are of unit length, so that the first two order alike, and cost alike: ivfflat normalises what it is given. A
 * class of its own for each, because of two indexes of one class the planner takes the one that it thinks is cheaper,
 * whatever was tuned.
 */
const OPERATORS = { ivfflat: 'halfvec_cosine_ops', hnsw: 'halfvec_ip_ops', text: 'halfvec_l2_ops' } as const

/** The statement that a person would write. @param suffix of all names, while it is built */
function createStatement(
  { modelId, dimension }: Pick<BuildTarget, 'modelId' | 'dimension'>,
  shape: IndexShape,
  { suffix = '', concurrently = false } = {},
): string {
  const method = shape.kind === 'hnsw' ? 'hnsw' : 'ivfflat'
  const expression =
    shape.kind === 'text'
      ? `${textSpaceNames(modelId, suffix).photo}(embedding)::halfvec(${textSpaceDimension(dimension)})`
      : `embedding::halfvec(${dimension})`
  return `create index ${concurrently ? 'concurrently ' : ''}${indexName(modelId, shape.kind)}${suffix} on embeddings_m${modelId} using ${method} ((${expression}) ${OPERATORS[shape.kind]}) with (${storageOptions(shape).join(', ')})`
}

/** As in `pg_class.reloptions`. */
function storageOptions(shape: IndexShape): string[] {
  return shape.kind === 'hnsw' ? [`m=${shape.m}`, `ef_construction=${shape.efConstruction}`] : [`lists=${shape.lists}`]
}

/**
 * Builds beside whoever reads and writes, under another name; the index takes the place of the ready one when it is complete.
 * @param connection of its own for the build: its settings and its lock end with it. @param database to follow and to cancel it
 * @returns false when a ready index of this shape was there already
 */
export async function buildConcurrently(
  database: Database,
  connection: Database,
  target: BuildTarget,
  shape: IndexShape,
  resources: BuildResources,
  options: BuildOptions,
): Promise<boolean> {
  const client = await connection.pool.connect()
  // What became of the connection is told by the statement that runs.
  client.on('error', () => undefined)
  const run: Run = async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
    (await client.query<Row>(sql, [...values])).rows
  try {
    const pid = await takeLock(run, target.modelId)
    const name = indexName(target.modelId, shape.kind)
    const building = nameWhileBuilt(name)
    const found = await findIndexes(run, name, building)
    if (isReady(found.get(name), shape) && !options.rebuild) {
      if (found.has(building)) await removeLeftover(run, building, options)
      return false
    }
    // Of a space that was made of other texts nothing is known.
    if (isReady(found.get(building), shape) && target.space === null) options.onEvent({ kind: 'adopted', index: name })
    else {
      if (found.has(building)) await removeLeftover(run, building, options)
      await makeTextSpace(run, target, BUILDING)
      await run('set statement_timeout = 0')
      await run('set lock_timeout = 0')
      await run(`set maintenance_work_mem = '${Math.floor(resources.memory / 1024)}kB'`)
      await run(`set max_parallel_maintenance_workers = ${resources.workers}`)
      const create = run(createStatement(target, shape, { suffix: BUILDING, concurrently: true }))
      try {
        await follow(database, pid, create, options)
      } catch (error) {
        await removeUnfinished(run, target, building)
        throw error
      }
    }
    // One that is invalid is nobody's: left by a build under the final name, from psql.
    if (found.get(name)?.valid === false) await removeLeftover(run, name, options)
    await putInPlace(database, target, name, building, shape)
    return true
  } catch (error) {
    throw options.signal.aborted ? options.signal.reason : explain(error, resources, database.location)
  } finally {
    client.release(true)
  }
}

/** On the embedded server, where all share one session: one transaction, which everybody waits for and nothing can stop. */
export async function buildAtOnce(
  database: Database,
  target: BuildTarget,
  shape: IndexShape,
  resources: BuildResources,
  options: BuildOptions,
): Promise<boolean> {
  const name = indexName(target.modelId, shape.kind)
  const work = async (session: Session) => {
    const ready = (await findIndexes(session.query, name, nameWhileBuilt(name))).get(name)
    if (isReady(ready, shape) && !options.rebuild) return false
    await session.query(`set local maintenance_work_mem = '${Math.floor(resources.memory / 1024)}kB'`)
    await session.query('set local max_parallel_maintenance_workers = 0')
    await session.query(`drop index if exists ${name}`)
    await makeTextSpace(session.query, target)
    await session.query(createStatement(target, shape))
    await session.query(`comment on index ${name} is 'Built over ${target.photos} photos'`)
    if (ready !== undefined && (target.space !== null || !isReady(ready, shape)))
      await session.query(FORGET_SETTINGS, [name])
    options.signal.throwIfAborted()
    return true
  }
  try {
    return await database.transaction(work, { unlimited: true })
  } catch (error) {
    throw explain(error, resources, database.location)
  }
}

/** Drops the index of a method and what a build left of it. @returns the names of what was dropped */
export async function dropIndex(database: Database, modelId: ModelId, kind: IndexKind): Promise<string[]> {
  const name = indexName(modelId, kind)
  return withShortLocks(database, async session => {
    // First the settings: a search that does not find its index is answered exactly all the same.
    await session.query(FORGET_SETTINGS, [name])
    const found = [...(await findIndexes(session.query, name, nameWhileBuilt(name))).keys()]
    for (const index of found) await session.query(`drop index ${index}`)
    if (kind === 'text') for (const suffix of ['', BUILDING]) await dropFunctions(session.query, modelId, suffix)
    return found
  })
}

async function takeLock(run: Run, modelId: ModelId): Promise<number> {
  const [mine] = await run<{ pid: number; locked: boolean }>(TRY_LOCK, [BUILD_LOCK, modelId])
  if (mine!.locked) return mine!.pid
  const [holder] = await run<{ pid: number | null }>(HOLDER, [BUILD_LOCK, modelId])
  throw new AppError(
    'DATABASE_BUSY',
    `An index of this model is being built already, by process ${holder?.pid ?? 'unknown'} of the server: "index status" shows how far it is. Wait for it, or end it: select pg_cancel_backend(${holder?.pid ?? 'PID'})`,
  )
}

async function findIndexes(run: Run, name: string, building: string): Promise<Map<string, Found>> {
  const rows = await run<Found>(FIND, [name, building])
  return new Map(rows.map(row => [row.name, row]))
}

function isReady(found: Found | undefined, shape: IndexShape): boolean {
  return found?.valid === true && [...found.options].sort().join() === storageOptions(shape).sort().join()
}

async function removeLeftover(run: Run, name: string, { onEvent }: BuildOptions): Promise<void> {
  await run(`drop index concurrently ${name}`)
  onEvent({ kind: 'removed', index: name })
}

/** After a build that failed. If the connection is gone, too, the next build finds what it left. */
async function removeUnfinished(run: Run, target: BuildTarget, name: string): Promise<void> {
  await run(`drop index concurrently if exists ${name}`).catch(() => undefined)
  if (target.space !== null) await dropFunctions(run, target.modelId, BUILDING).catch(() => undefined)
}

async function makeTextSpace(run: Run, { modelId, space }: BuildTarget, suffix = ''): Promise<void> {
  if (space === null) return
  await dropFunctions(run, modelId, suffix)
  const [vector] = await run<{ schema: string }>(PGVECTOR_SCHEMA)
  for (const statement of createTextSpace(space, textSpaceNames(modelId, suffix), vector!.schema)) await run(statement)
}

async function dropFunctions(run: Run, modelId: ModelId, suffix = ''): Promise<void> {
  for (const statement of dropTextSpace(textSpaceNames(modelId, suffix))) await run(statement)
}

async function follow(
  database: Database,
  pid: number,
  create: Promise<unknown>,
  { signal, onEvent }: BuildOptions,
): Promise<void> {
  let ended = false
  const end = create.finally(() => {
    ended = true
  })
  // Awaited below; meanwhile a failure is not unhandled.
  end.catch(() => undefined)
  const cancel = () => void database.query(CANCEL, [pid]).catch(() => undefined)
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  try {
    while (!ended) {
      await Promise.race([end, pause(POLL_MS)])
      if (ended) break
      const [row] = await database
        .query<{ phase: string; percent: number | null; waitsFor: number | null }>(PROGRESS, [pid])
        .catch(() => [])
      if (row?.phase) onEvent({ kind: 'progress', ...row })
    }
    await end
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

async function putInPlace(
  database: Database,
  { photos, modelId, space }: BuildTarget,
  name: string,
  building: string,
  shape: IndexShape,
): Promise<void> {
  await withShortLocks(database, async session => {
    const before = (await findIndexes(session.query, name, building)).get(name)
    if (before !== undefined) await session.query(`drop index ${name}`)
    await session.query(`alter index ${building} rename to ${name}`)
    if (space !== null) {
      await dropFunctions(session.query, modelId)
      const [now, later] = [textSpaceNames(modelId, BUILDING), textSpaceNames(modelId)]
      await session.query(`alter function ${now.photo} rename to ${later.photo}`)
      await session.query(`alter function ${now.text} rename to ${later.text}`)
    }
    await session.query(`comment on index ${name} is 'Built over ${photos} photos'`)
    // As many probes of other lists, or in another space, are another recall.
    if (before !== undefined && (space !== null || !isReady(before, shape)))
      await session.query(FORGET_SETTINGS, [name])
  })
}

async function withShortLocks<T>(database: Database, work: (session: Session) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await database.transaction(
        async session => {
          await session.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`)
          return work(session)
        },
        { unlimited: true },
      )
    } catch (error) {
      if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error
      if (attempt === LOCK_TRIES)
        throw new AppError(
          'DATABASE_BUSY',
          'Statements that read or write the embeddings do not end, so the index cannot be put in its place or dropped. pg_stat_activity shows them; run the same command again when they are done.',
          { cause: error },
        )
      await pause(BETWEEN_TRIES_MS)
    }
  }
}

function explain(error: unknown, { memory, workers }: BuildResources, location: string): unknown {
  const { code, message } = error as { code?: string; message?: string }
  if (code === FEATURE_NOT_SUPPORTED)
    return new AppError(
      'USAGE',
      `The embeddings of this model are split into partitions, each of which is indexed by itself: docs/partitions.md has the statements. (${message})`,
      { cause: error },
    )
  if (code === undefined || !MEMORY_STATES.has(code)) return translate(error, location)
  const remedy = /shared memory/.test(message ?? '')
    ? `Its shared memory is too small for ${workers} parallel workers: give the container more (docker run --shm-size), or build without them: --workers 0`
    : 'Give it more with --memory, or build fewer lists: --lists'
  return new AppError(
    'DATABASE_MEMORY',
    `The server lacks memory for this build (${Math.round(memory / 1e6)} MB were set): ${message}. ${remedy}`,
    { cause: error },
  )
}
