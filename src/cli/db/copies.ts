import { compose } from '../../compose/app.js'
import type { BackedUpIndex, DumpProgress } from '../../compose/database.js'
import { readConfig } from '../../config.js'
import { AppError } from '../../domain/errors.js'
import { formatBytes, formatCount, formatDuration, formatQuantity } from '../../domain/text/format.js'
import { rebuildIndex } from '../../indexing/rebuild-index.js'
import type { Context } from '../context.js'
import { databasePlace } from '../index/database-place.js'
import { Progress } from '../print/progress.js'

const PHASES: Record<DumpProgress['phase'], string> = {
  read: 'Reading',
  verify: 'Checking the file',
  write: 'Writing',
  check: 'Comparing',
}

/** Tables that the summary names. */
const NAMED: readonly [table: string, singular: string][] = [
  ['photos', 'photo'],
  ['embeddings', 'embedding'],
  ['label_rows', 'label'],
  ['runs', 'run'],
]

/** The `db backup` command. @returns exit code */
export async function backUp(
  { app, out, signal }: Context,
  path: string,
  { force = false }: { force?: boolean },
): Promise<number> {
  const { progress, onProgress } = shownProgress()
  const { file, bytes, header, manifest } = await app.database
    .backUp(path, { force, signal, onProgress })
    .finally(() => progress.end())
  const rows = rowsOf(manifest)
  const { seconds } = progress
  out.result(
    { file, bytes, seconds, createdAt: header.createdAt, program: header.program, rows },
    [
      `Backed up ${describeRows(rows)} to ${file}: ${formatBytes(bytes)} in ${formatDuration(seconds)}, read back and checked.`,
      `It does not hold the compressed copies, which are in ${app.storeLocation}.`,
      'Restore it into a new database: unsplash-clip db restore FILE',
    ].join('\n'),
  )
  return 0
}

/** The `db restore` command. @returns exit code */
export async function restore(context: Context, path: string): Promise<number> {
  const { app, out, signal } = context
  const { progress, onProgress } = shownProgress()
  const { header, manifest, migrated, openBatches } = await app.database
    .restore(path, { signal, onProgress })
    .finally(() => progress.end())
  const rows = rowsOf(manifest)
  const { seconds } = progress
  const indexes = await rebuildIndexes(context, app, header.indexes)
  const fromEarlier = migrated.length > 0 ? ` It was migrated: ${migrated.join(', ')}.` : ''
  out.result(
    {
      database: app.database.location,
      createdAt: header.createdAt,
      program: header.program,
      seconds,
      migrated,
      indexes,
      rows,
    },
    [
      `Restored ${describeRows(rows)}, as of ${header.createdAt}, in ${formatDuration(seconds)}. Counts and digests are equal.${fromEarlier}`,
      ...afterwards(openBatches, app.storeLocation),
    ].join('\n'),
  )
  return 0
}

/** The `db move` command. @returns exit code */
export async function move(context: Context, url: string): Promise<number> {
  const { app, out, signal, environment } = context
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new AppError(
      'USAGE',
      `--to expects an address like postgres://user:password@host/database, found ${JSON.stringify(withoutPassword(url))}`,
    )
  const target = compose(readConfig({ ...environment, DATABASE_URL: url }), {
    signal,
    onWarning: line => out.note(line),
  })
  try {
    const { progress, onProgress } = shownProgress()
    const { header, rows, continued, openBatches } = await app.database
      .move(target.database, { signal, onProgress })
      .finally(() => progress.end())
    const { seconds } = progress
    const indexes = await rebuildIndexes(context, target, header.indexes)
    out.result(
      { from: app.database.location, to: target.database.location, seconds, continued, indexes, rows },
      [
        `Moved ${describeRows(rows)} to ${target.database.location} in ${formatDuration(seconds)}${continued ? ', continuing an interrupted move' : ''}. Counts and digests are equal.`,
        `The former database is unchanged (${app.database.location}). Use the new one: set DATABASE_URL to its address.`,
        ...afterwards(openBatches, app.storeLocation),
      ].join('\n'),
    )
    return 0
  } finally {
    await target.close()
  }
}

/** An index that cannot be built costs speed, not the restored data. @returns names of the methods that were built */
async function rebuildIndexes(
  { out, signal }: Context,
  app: Context['app'],
  former: readonly BackedUpIndex[],
): Promise<string[]> {
  if (former.length === 0) return []
  const { indexes } = await app.repositories()
  const built: string[] = []
  for (const index of former) {
    const progress = new Progress(`Building the ${index.method} index`)
    progress.write(`Building the ${index.method} index of model ${index.modelId}`)
    try {
      await rebuildIndex(indexes, databasePlace(app), index, {
        signal,
        onEvent: event => {
          if (event.kind === 'progress') progress.write(`Building the ${index.method} index: ${event.phase}`)
        },
      })
      built.push(`embeddings_m${index.modelId}_${index.method}`)
    } catch (error) {
      if (signal.aborted || !(error instanceof AppError)) throw error
      out.note(
        `The data are complete, but the ${index.method} index was not built: ${error.message} Searches are exact without it. Build it again: unsplash-clip index build --kind ${index.method}`,
      )
    } finally {
      progress.end()
    }
  }
  return built
}

function shownProgress(): { progress: Progress; onProgress: (progress: DumpProgress) => void } {
  const progress = new Progress('database')
  const onProgress = ({ phase, table, share }: DumpProgress) =>
    progress.write(`${PHASES[phase]}${table && phase !== 'verify' ? ` ${table}` : ''}: ${(100 * share).toFixed(0)} %`)
  return { progress, onProgress }
}

function afterwards(openBatches: number, storeLocation: string): string[] {
  return [
    `The compressed copies are looked for in ${storeLocation}.`,
    ...(openBatches > 0
      ? ['The queue is not copied. Enqueue what is unfinished: unsplash-clip ingest --only-missing']
      : []),
  ]
}

const rowsOf = ({ tables }: { tables: Record<string, { rows: number }> }): Record<string, number> =>
  Object.fromEntries(Object.entries(tables).map(([table, { rows }]) => [table, rows]))

/** 100,000 photos, 100,000 embeddings, 3 runs and 1,204 other rows */
function describeRows(rows: Readonly<Record<string, number>>): string {
  const named = NAMED.map(([table, singular]) => formatQuantity(rows[table] ?? 0, singular))
  const others = Object.entries(rows).reduce(
    (sum, [name, n]) => (NAMED.some(([table]) => table === name) ? sum : sum + n),
    0,
  )
  return `${named.join(', ')} and ${others === 1 ? '1 other row' : `${formatCount(others)} other rows`}`
}

const withoutPassword = (url: string): string => url.replace(/:[^:@/]*@/, ':…@')
