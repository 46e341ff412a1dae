import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import { AppError } from '../../domain/errors.js'
import type { IndexMethod, IndexShape } from '../../domain/indexes/index-plan.js'
import type { BuildOptions, BuildResources } from '../../domain/ports/index-repository.js'
import type { ModelId } from '../../domain/ports/repository.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { SECOND } from '../../domain/units.js'
import type { Database, Session } from '../connection.js'
import { sqlStateOf, translate } from '../errors.js'
import { assertOwnSession } from '../pooler.js'

/** Advisory lock of a build, with the id of the model. The view index_status looks for it. Arbitrary number. */
const BUILD_LOCK = 1_668_049_256
const POLL_MS = SECOND / 2
/** Waiting for a table lock blocks all later statements, so wait in short pieces. */
const LOCK_TIMEOUT = '2s'
const LOCK_TRIES = 40
const BETWEEN_TRIES_MS = 200

const LOCK_NOT_AVAILABLE = '55P03'
/** Raised by a build only for `concurrently` on a partitioned table. */
const FEATURE_NOT_SUPPORTED = '0A000'
/** out_of_memory, program_limit_exceeded: a build lacks memory. */
const MEMORY_STATES = new Set(['53200', '54000'])
/** Of /dev/shm, if the message says so. */
const DISK_FULL = '53100'

const TRY_LOCK = 'select pg_backend_pid() as pid, pg_try_advisory_lock($1, $2) as locked'
const UNLOCK = 'select pg_advisory_unlock($1, $2)'
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
const FORGET_SETTINGS = 'delete from search_settings where index_name = $1'

export interface BuildTarget {
  modelId: ModelId
  dimension: number
  photos: number
}

interface Found extends Record<string, unknown> {
  name: string
  valid: boolean
  options: string[]
}

/** Runs statements on one connection, outside a transaction. */
type Run = <Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]) => Promise<Row[]>

const indexName = (modelId: ModelId, method: IndexMethod): string => `embeddings_m${modelId}_${method}`
const BUILDING = '_building'
const nameWhileBuilt = (name: string): string => `${name}${BUILDING}`

/**
 * Operator class per method. Embeddings have unit length, so both order alike and cost the same: ivfflat normalises its
 * input. Each method has a separate class, because of two indexes with one class the planner takes the one that it
 * estimates to be cheaper, ignoring the tuning.
 */
const OPERATORS = { ivfflat: 'halfvec_cosine_ops', hnsw: 'halfvec_ip_ops' } as const

/** Returns the statement that creates the index. @param suffix of all names during the build */
function createStatement(
  { modelId, dimension }: Pick<BuildTarget, 'modelId' | 'dimension'>,
  shape: IndexShape,
  { suffix = '', concurrently = false } = {},
): string {
  const { kind: method } = shape
  return `create index ${concurrently ? 'concurrently ' : ''}${indexName(modelId, method)}${suffix} on embeddings_m${modelId} using ${method} ((embedding::halfvec(${dimension})) ${OPERATORS[method]}) with (${storageOptions(shape).join(', ')})`
}

/** Returns the options as in `pg_class.reloptions`. */
function storageOptions(shape: IndexShape): string[] {
  return shape.kind === 'hnsw' ? [`m=${shape.m}`, `ef_construction=${shape.efConstruction}`] : [`lists=${shape.lists}`]
}

/**
 * Builds under another name without blocking readers and writers. The complete index replaces the ready one.
 * @param connection a separate one for the build: its settings and its lock end with it
 * @param database to follow and to cancel the build
 * @returns false when a ready index of this shape exists
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
  // The running statement reports the state of the connection.
  client.on('error', () => undefined)
  const execute: Run = async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
    (await client.query<Row>(sql, [...values])).rows
  let locked = false
  try {
    await assertOwnSession(client, 'an index build', database.location)
    const pid = await takeLock(execute, target.modelId)
    locked = true
    const name = indexName(target.modelId, shape.kind)
    const building = nameWhileBuilt(name)
    const found = await findIndexes(execute, name, building)
    if (isReady(found.get(name), shape) && !options.rebuild) {
      if (found.has(building)) await removeLeftover(execute, building, options)
      return false
    }
    if (isReady(found.get(building), shape)) options.onEvent({ kind: 'adopted', index: name })
    else {
      if (found.has(building)) await removeLeftover(execute, building, options)
      await execute('set statement_timeout = 0')
      await execute('set lock_timeout = 0')
      await execute(`set maintenance_work_mem = '${Math.floor(resources.memory / 1024)}kB'`)
      await execute(`set max_parallel_maintenance_workers = ${resources.workers}`)
      const create = execute(createStatement(target, shape, { suffix: BUILDING, concurrently: true }))
      try {
        await follow(database, pid, create, options)
      } catch (error) {
        await removeUnfinished(execute, building)
        throw error
      }
    }
    // An invalid index is a leftover of a build under the final name, from psql.
    if (found.get(name)?.valid === false) await removeLeftover(execute, name, options)
    await putInPlace(database, target, name, building, shape)
    return true
  } catch (error) {
    throw options.signal.aborted ? options.signal.reason : explain(error, resources, database.location)
  } finally {
    // The server notices later that the connection is closed. Until then the next build would find the lock taken.
    if (locked) await execute(UNLOCK, [BUILD_LOCK, target.modelId]).catch(() => undefined)
    client.release(true)
  }
}

/**
 * Builds on the embedded server, where all share one session: one transaction that blocks all and cannot be stopped.
 */
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
    await session.query(createStatement(target, shape))
    await session.query(`comment on index ${name} is 'Built over ${target.photos} photos'`)
    if (ready !== undefined && !isReady(ready, shape)) await session.query(FORGET_SETTINGS, [name])
    options.signal.throwIfAborted()
    return true
  }
  try {
    return await database.transaction(work, { unlimited: true })
  } catch (error) {
    throw explain(error, resources, database.location)
  }
}

/** Drops the index of a method and leftovers of its builds. @returns the names of the dropped objects */
export async function dropIndex(database: Database, modelId: ModelId, method: IndexMethod): Promise<string[]> {
  const name = indexName(modelId, method)
  return withShortLocks(database, async session => {
    // The settings first. A search without its index is exact.
    await session.query(FORGET_SETTINGS, [name])
    const found = [...(await findIndexes(session.query, name, nameWhileBuilt(name))).keys()]
    for (const index of found) await session.query(`drop index ${index}`)
    return found
  })
}

async function takeLock(execute: Run, modelId: ModelId): Promise<number> {
  const [mine] = await execute<{ pid: number; locked: boolean }>(TRY_LOCK, [BUILD_LOCK, modelId])
  if (mine!.locked) return mine!.pid
  const [holder] = await execute<{ pid: number | null }>(HOLDER, [BUILD_LOCK, modelId])
  throw new AppError(
    'DATABASE_BUSY',
    `Process ${holder?.pid ?? 'unknown'} of the server is already building an index of this model. "unsplash-clip index status" shows its progress. Wait for it, or end it: select pg_cancel_backend(${holder?.pid ?? 'PID'})`,
  )
}

async function findIndexes(execute: Run, name: string, building: string): Promise<Map<string, Found>> {
  const rows = await execute<Found>(FIND, [name, building])
  return new Map(rows.map(row => [row.name, row]))
}

function isReady(found: Found | undefined, shape: IndexShape): boolean {
  return found?.valid === true && [...found.options].sort().join() === storageOptions(shape).sort().join()
}

async function removeLeftover(execute: Run, name: string, { onEvent }: BuildOptions): Promise<void> {
  await execute(`drop index concurrently ${name}`)
  onEvent({ kind: 'removed', index: name })
}

/** Cleans up after a failed build. If the connection is gone, too, the next build removes the leftovers. */
async function removeUnfinished(execute: Run, name: string): Promise<void> {
  await execute(`drop index concurrently if exists ${name}`).catch(() => undefined)
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
  // Awaited below. Marks a failure as handled until then.
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
  { photos }: BuildTarget,
  name: string,
  building: string,
  shape: IndexShape,
): Promise<void> {
  await withShortLocks(database, async session => {
    const before = (await findIndexes(session.query, name, building)).get(name)
    if (before !== undefined) await session.query(`drop index ${name}`)
    await session.query(`alter index ${building} rename to ${name}`)
    await session.query(`comment on index ${name} is 'Built over ${photos} photos'`)
    // The same number of probes gives another recall with other lists.
    if (before !== undefined && !isReady(before, shape)) await session.query(FORGET_SETTINGS, [name])
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
      if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error
      if (attempt === LOCK_TRIES)
        throw new AppError(
          'DATABASE_BUSY',
          'Statements on the embeddings do not end, so the index cannot be replaced or dropped. pg_stat_activity shows them. Run the same command again when they are done.',
          { cause: error },
        )
      await pause(BETWEEN_TRIES_MS)
    }
  }
}

function explain(error: unknown, { memory, workers }: BuildResources, location: string): unknown {
  const code = sqlStateOf(error)
  const message = errorMessage(error)
  const lacksSharedMemory = /shared memory/.test(message)
  if (code === FEATURE_NOT_SUPPORTED)
    return new AppError(
      'USAGE',
      `The embeddings of this model are partitioned. Index each partition separately with the statements in docs/guides/scale.md. (${message})`,
      { cause: error },
    )
  if (!MEMORY_STATES.has(code) && !(code === DISK_FULL && lacksSharedMemory)) return translate(error, location)
  const remedy = lacksSharedMemory
    ? `Its shared memory is too small for ${workers} parallel workers: give the container more (docker run --shm-size), or build without workers: --parallel-workers 0`
    : 'Raise --memory, or build fewer lists with --lists'
  return new AppError(
    'DATABASE_MEMORY',
    `The server lacks memory for this build (${Math.round(memory / 1e6)} MB were set): ${message}. ${remedy}`,
    { cause: error },
  )
}
