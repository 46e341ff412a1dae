import pLimit from 'p-limit'
import { AppError } from '../domain/errors.js'
import { isCopyKey } from '../domain/places/copy-key.js'
import type { ObjectStore } from '../domain/ports/object-store.js'

const AT_ONCE = 16
/** Keys that wait for a place. */
const AHEAD = 4 * AT_ONCE
const SHOWN = 5

export interface CopyObjectsOptions {
  /** Replaces objects of the target that differ. */
  overwrite: boolean
  /** Removes each object of the source once all are copied and equal. */
  removeSource: boolean
  signal: AbortSignal
  onProgress(copied: CopiedObjects): void
}

export interface CopiedObjects {
  /** Written by this call. */
  copied: number
  /** Were there already, with the same bytes. */
  present: number
  removed: number
  bytes: number
}

/**
 * Copies every compressed copy from one store to another, reads each one back and compares its bytes. Other objects stay. An interrupted copy
 * continues: what is there and equal is not written again. Objects of the target that differ stay.
 * @throws AppError STORE_DIFFERS when the target has other objects of the same names, or links to those of the source;
 * PhotoError STORE_FAILED
 */
export async function copyObjects(
  source: ObjectStore,
  target: ObjectStore,
  options: CopyObjectsOptions,
): Promise<CopiedObjects> {
  const result: CopiedObjects = { copied: 0, present: 0, removed: 0, bytes: 0 }
  const different: string[] = []
  await eachObject(source, options.signal, async key => {
    const body = await source.get(key)
    // Removed meanwhile.
    if (body === null) return
    const existing = await target.get(key)
    if (existing?.equals(body)) result.present++
    else if (existing !== null && !options.overwrite) different.push(key)
    else {
      await target.put(key, body, contentTypeOf(key))
      if (!(await target.get(key))?.equals(body)) throw changedOnTheWay(target, key)
      result.copied++
    }
    result.bytes += body.length
    options.onProgress(result)
  })
  if (different.length > 0) throw differs(target, different)
  if (options.removeSource)
    await eachObject(source, options.signal, async key => {
      const body = await source.get(key)
      if (body === null || !(await target.has(key))) return
      await source.delete(key)
      if (!(await target.has(key))) {
        // Both names led to one object.
        await source.put(key, body, contentTypeOf(key))
        throw sameObject(source, target, key)
      }
      result.removed++
      options.onProgress(result)
    })
  return result
}

/** Runs work for all objects, some at a time; the first failure ends it. */
async function eachObject(
  store: ObjectStore,
  signal: AbortSignal,
  work: (key: string) => Promise<void>,
): Promise<void> {
  const limit = pLimit(AT_ONCE)
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  for await (const key of store.list()) {
    if (failure !== undefined || signal.aborted) break
    // A folder or bucket may hold other things, such as photos of the user.
    if (!isCopyKey(key)) continue
    const job = limit(async () => {
      if (failure === undefined && !signal.aborted) await work(key)
    })
      .catch(error => {
        failure ??= { error }
      })
      .finally(() => running.delete(job))
    running.add(job)
    if (running.size >= AHEAD) await Promise.race(running)
  }
  await Promise.all(running)
  signal.throwIfAborted()
  if (failure !== undefined) throw failure.error
}

const contentTypeOf = (key: string): string => (key.endsWith('.jpg') ? 'image/jpeg' : 'application/octet-stream')

function differs({ location }: ObjectStore, keys: readonly string[]): AppError {
  const named = keys.slice(0, SHOWN).join(', ')
  const others = keys.length > SHOWN ? ` and ${keys.length - SHOWN} more` : ''
  return new AppError(
    'STORE_DIFFERS',
    `${location} has other objects under the same names, and they were not changed: ${named}${others}. All other copies are there. Use an empty folder or prefix, or replace them: --overwrite`,
  )
}

function sameObject(source: ObjectStore, target: ObjectStore, key: string): AppError {
  return new AppError(
    'STORE_DIFFERS',
    `${target.location} expects a copy of its own of ${key}, found the one of ${source.location} under another name (a link?). It was put back; what is not removed yet stays. Use an empty folder or prefix.`,
  )
}

function changedOnTheWay({ location }: ObjectStore, key: string): AppError {
  return new AppError(
    'STORE_DIFFERS',
    `${location} does not return the bytes of ${key} that were written. Check its disk or server; the source is unchanged.`,
  )
}
