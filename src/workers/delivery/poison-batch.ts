import { batchId } from '../../domain/batch-id.js'
import type { PhotoRef } from '../../domain/photo.js'
import type { Batch, Delivery } from '../../domain/ports/queue.js'

/** A whole batch is split after this many process deaths; it was alone in the second process. */
const WHOLE_STALLS = 2
/** A half of a split batch is split again after this many. */
const PART_STALLS = 1
/** A single photo fails after this many process deaths, each with nothing else under way. */
const PHOTO_STALLS = 3

export type IsolationDecision = 'work' | 'split' | 'fail'

/** Whether a batch is worked on in isolation: it was under way when a process died. */
export function isSuspect(batch: Pick<Batch, 'isolated'>, { stalls }: Pick<Delivery, 'stalls'>): boolean {
  return stalls > 0 || batch.isolated === true
}

/**
 * Decides what happens to a batch whose workers died or fell silent `stalls` times:
 *
 *     whole batch ── 2 deaths ──> halves ── 1 death each ──> … ──> single photo ── 3 deaths ──> CRASHED_WORKER
 *
 * A photo must not fail because of unrelated process deaths (`kill -9`, a machine out of memory). To fail, a photo of
 * a batch of 64 must be under way in ten deaths: two with the whole batch, five with smaller and smaller halves,
 * three alone for a fraction of a second. Suppose one of 4 workers is killed at random every 3 s, a batch takes 3 s,
 * and a half takes its share but at least 0.5 s. The odds per death are 1/4, 1/4, 1/8, 1/16 and six times 1/24: fewer
 * than one photo per million batches. A retry that starts as a single photo and waits with others for 3 s has 1/4,
 * 1/4 and three times 1/24: 1 in 200,000.
 *
 * @param open number of photos of the batch that are not settled
 */
export function decideIsolation(
  batch: Pick<Batch, 'isolated' | 'photos'>,
  stalls: number,
  open: number,
): IsolationDecision {
  if (open === 0) return 'work'
  if (!batch.isolated) return stalls < WHOLE_STALLS ? 'work' : 'split'
  if (batch.photos.length === 1) return stalls < PHOTO_STALLS ? 'work' : 'fail'
  return stalls < PART_STALLS ? 'work' : 'split'
}

/**
 * Splits photos into two isolated batches; a single photo gives one. The same photos of the same batch always give
 * the same ids.
 */
export function halves(batch: Batch, open: readonly PhotoRef[]): Batch[] {
  const middle = Math.ceil(open.length / 2)
  return [open.slice(0, middle), open.slice(middle)]
    .filter(photos => photos.length > 0)
    .map(photos => {
      const half = { ...batch, photos, isolated: true }
      return {
        ...half,
        id: batchId(half, `${batch.parentId} ${batch.outages ?? 0} ${batch.postponements ?? 0} isolated`),
      }
    })
}
