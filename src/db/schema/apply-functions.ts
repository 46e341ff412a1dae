import { AppError } from '../../domain/errors.js'
import { VERSION } from '../../version.js'
import type { Session } from '../connection.js'
import { isOutage } from '../errors.js'
import { dependentsOf, dropStatement, fingerprintsOf, signaturesOf } from './catalog.js'
import { type AppliedFunction, forgetFunctions, recordFunctions } from './ledger.js'
import type { FunctionFile } from './migration-files.js'

/**
 * Repeatable migrations: makes the functions and views of a database equal to their files, in the declared order and in
 * the caller's transaction. `create or replace` changes most of them in place. Postgres refuses changed parameters,
 * results or columns, or treats them as another function. Then the old object is dropped together with the project's
 * own functions and views that depend on it, and all of them are created again.
 */

/**
 * SQLSTATEs when a file cannot replace the object: invalid function or table definition, wrong type, ambiguous
 * function.
 */
const NOT_IN_PLACE = new Set(['42P13', '42P16', '42809', '42725'])
const DEPENDENT_OBJECTS = '2BP01'

/**
 * Applies files of functions and views.
 * @param files all of them, in the declared order
 * @param applied the ledger of this database
 * @param names files to apply; dependent ones are applied as well
 * @returns names of the created or replaced functions and views
 */
export async function applyFunctions(
  session: Session,
  files: readonly FunctionFile[],
  applied: readonly AppliedFunction[],
  names: ReadonlySet<string>,
): Promise<string[]> {
  const known = new Map(applied.map(one => [one.name, one.signature]))
  const todo = new Set(names)
  const before = await signaturesOf(
    session,
    files.map(file => file.name),
  )
  const gone = new Set<string>()
  const done: FunctionFile[] = []
  for (const file of files) {
    if (!todo.has(file.name)) continue
    if (before.has(file.name) && !gone.has(file.name)) {
      const dropped = await replace(session, file, known)
      for (const name of dropped) if (name !== file.name) gone.add(requireLater(name, file, done))
      for (const name of [...gone, ...requiring(files, dropped)]) todo.add(name)
    } else {
      await create(session, file)
    }
    done.push(file)
  }
  await dropRemoved(session, files, known)
  await record(session, done, before, known)
  return done.map(file => file.name)
}

async function create(session: Session, file: FunctionFile): Promise<string[]> {
  try {
    await session.query(file.sql)
    return []
  } catch (error) {
    throw failed(file, error)
  }
}

/** Creates or replaces one object. @returns names of the dropped objects */
async function replace(
  session: Session,
  file: FunctionFile,
  known: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const old = known.get(file.name)
  const others = (await signaturesOf(session, [file.name])).get(file.name) ?? []
  await session.query('savepoint replacing')
  try {
    await session.query(file.sql)
    const now = (await signaturesOf(session, [file.name])).get(file.name) ?? []
    const isOverload = old !== undefined && others.includes(old) && now.some(signature => !others.includes(signature))
    if (!isOverload) {
      await session.query('release savepoint replacing')
      return []
    }
  } catch (error) {
    if (!NOT_IN_PLACE.has((error as { code?: string }).code ?? '') || old === undefined) throw failed(file, error)
  }
  await session.query('rollback to savepoint replacing')
  const dropped = await drop(session, old, known, file)
  await create(session, file)
  return dropped
}

/** Drops an object and its dependents, if they belong to the project. @returns their names */
async function drop(
  session: Session,
  signature: string,
  known: ReadonlyMap<string, string>,
  file: Pick<FunctionFile, 'path'>,
): Promise<string[]> {
  const nameOf = new Map([...known].map(([name, one]) => [one, name]))
  const own = (await dependentsOf(session, signature)).filter(one => nameOf.has(one))
  try {
    for (const one of own) await session.query(dropStatement(one))
  } catch (error) {
    const { code, detail } = error as { code?: string; detail?: string }
    if (code !== DEPENDENT_OBJECTS) throw failed(file, error)
    throw new AppError(
      'MIGRATION_FAILED',
      `${file.path} changes ${signature} in a way that other objects of this database do not allow, and nothing was changed: ${detail}. Drop them, run: unsplash-clip db migrate, and create them again.`,
      { cause: error },
    )
  }
  return own.map(one => nameOf.get(one)!)
}

/** Drops functions and views whose files are gone. */
async function dropRemoved(
  session: Session,
  files: readonly FunctionFile[],
  known: ReadonlyMap<string, string>,
): Promise<void> {
  const present = new Set(files.map(file => file.name))
  const removed = [...known.keys()].filter(name => !present.has(name))
  for (const name of removed) {
    const dropped = await drop(session, known.get(name)!, known, { path: `The removal of ${name}` })
    const needed = dropped.find(other => present.has(other))
    if (needed !== undefined) throw new Error(`functions/ has no ${name}, which ${needed} needs`)
  }
  if (removed.length > 0) await forgetFunctions(session, removed)
}

async function record(
  session: Session,
  done: readonly FunctionFile[],
  before: ReadonlyMap<string, readonly string[]>,
  known: ReadonlyMap<string, string>,
): Promise<void> {
  if (done.length === 0) return
  const names = done.map(file => file.name)
  const after = await signaturesOf(session, names)
  const signatures = new Map(
    names.map(name => {
      const candidates = after.get(name) ?? []
      const created = candidates.filter(signature => !before.get(name)?.includes(signature))
      const signature = [...created, known.get(name), ...candidates].find(one => one && candidates.includes(one))
      return [name, signature!]
    }),
  )
  const fingerprints = await fingerprintsOf(session, [...signatures.values()])
  const rows = done.map(({ name, sha256 }) => {
    const signature = signatures.get(name)!
    return { name, sha256, signature, fingerprint: fingerprints.get(signature)! }
  })
  await recordFunctions(session, rows, VERSION)
}

/**
 * Returns the files that require a dropped object, to apply them again: sessions keep the types that a PL/pgSQL
 * function declares until the function changes.
 */
function requiring(files: readonly FunctionFile[], dropped: readonly string[]): string[] {
  return files.filter(file => file.requires.some(name => dropped.includes(name))).map(file => file.name)
}

/** Requires that a dependent object comes later in the declared order; otherwise it would not be created again. */
function requireLater(name: string, file: FunctionFile, done: readonly FunctionFile[]): string {
  if (done.some(one => one.name === name))
    throw new Error(
      `${name} depends on ${file.name} and was created before it: it must say "-- requires: ${file.name}"`,
    )
  return name
}

/** An outage is no failure of the file, and passes unchanged. */
function failed({ path }: Pick<FunctionFile, 'path'>, error: unknown): unknown {
  if (isOutage(error)) return error
  return new AppError('MIGRATION_FAILED', `${path} failed, and nothing was changed: ${(error as Error).message}`, {
    cause: error,
  })
}
