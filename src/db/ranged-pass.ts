import type { Database } from './connection.js'

/** Statements of a pass over all photos of a model, in ranges. Both take the same values. */
export interface RangedPass {
  /** Works on one range; its column `done` is the number of photos, null: no range is left. */
  page: string
  /** Sets ranges aside, or works on the few photos that are left: columns `done` and `queued`. */
  rest: string
  values: readonly unknown[]
}

/**
 * Runs a pass to its end. After an interruption, the next one continues.
 * @param options `sessions`: that work in parallel; `onProgress`: photos done so far
 * @returns photos done
 */
export async function runPass(
  database: Database,
  { page, rest, values }: RangedPass,
  { sessions, onProgress, signal }: { sessions: number; onProgress?: (done: number) => void; signal?: AbortSignal },
): Promise<number> {
  let done = 0
  const add = (photos: number): void => {
    done += photos
    if (photos > 0) onProgress?.(done)
  }
  const workOnPages = async (): Promise<void> => {
    for (;;) {
      signal?.throwIfAborted()
      const [found] = await database.query<{ done: number | null }>(page, values)
      if (found!.done === null) return
      add(found!.done)
    }
  }
  for (let queued = 1; queued > 0; ) {
    // Waits for all, so that no session works after a rejection.
    const ended = await Promise.allSettled(Array.from({ length: sessions }, workOnPages))
    for (const end of ended) if (end.status === 'rejected') throw end.reason
    const [found] = await patiently<{ done: number; queued: number }>(database, rest, values)
    add(found!.done)
    queued = found!.queued
  }
  signal?.throwIfAborted()
  return done
}

/** Runs a statement that reads every row, without timeout. */
export function patiently<Row extends Record<string, unknown>>(
  database: Database,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return database.transaction(session => session.query<Row>(sql, values), { unlimited: true })
}
