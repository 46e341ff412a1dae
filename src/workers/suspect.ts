import { batchId } from '../domain/batch-id.js'
import type { PhotoRef } from '../domain/photo.js'
import type { Batch, Delivery } from '../domain/ports/queue.js'

/** A batch that has lost two processes, the second while it was alone in it, is taken apart. */
const WHOLE_STALLS = 2
/** A part of such a batch, already at its first. */
const PART_STALLS = 1
/** A photo that has lost so many, each while nothing else was worked on, is given up. */
const PHOTO_STALLS = 3

export type Verdict = 'work' | 'split' | 'condemn'

/** Whether a batch is worked on with nothing beside it: it was in hand when a process died. */
export function isSuspect(batch: Pick<Batch, 'isolated'>, { stalls }: Pick<Delivery, 'stalls'>): boolean {
  return stalls > 0 || batch.isolated === true
}

/**
 * What to do with a batch whose workers died or fell silent `stalls` times.
 *
 * No photo may be condemned for deaths that are not its doing (`kill -9`, a machine out of memory). On its way there from a
 * batch of 64 it is in hand each time when ten processes die: two with the whole batch, five with smaller and smaller
 * parts, three while it is worked on alone, for a fraction of a second. Say a random one of 4 workers is killed every 3
 * seconds, and all photos of a batch take 3 s, a part its share but no less than 0.5 s: the odds to be in hand at a death
 * are 1/4, 1/4, 1/8, 1/16 and six times 1/24, so that of a million such batches less than one photo is lost. A retry that is
 * a single photo from the start, and waits with others in hand for 3 s, loses five: 1/4, 1/4 and three times 1/24, 1 in 200,000.
 *
 * @param open photos of the batch that are not settled
 */
export function judge(batch: Pick<Batch, 'isolated' | 'photos'>, stalls: number, open: number): Verdict {
  if (open === 0) return 'work'
  if (!batch.isolated) return stalls < WHOLE_STALLS ? 'work' : 'split'
  if (batch.photos.length === 1) return stalls < PHOTO_STALLS ? 'work' : 'condemn'
  return stalls < PART_STALLS ? 'work' : 'split'
}

/**
 * Two batches of half of these photos each, of a single photo one, to be worked on alone. The same photos of the same batch
 * always give batches with the same ids.
 */
export function halves(batch: Batch, open: readonly PhotoRef[]): Batch[] {
  const middle = Math.ceil(open.length / 2)
  return [open.slice(0, middle), open.slice(middle)]
    .filter(photos => photos.length > 0)
    .map(photos => {
      const part = { ...batch, photos, isolated: true }
      return { ...part, id: batchId(part, `${batch.parentId} ${batch.outages ?? 0} isolated`) }
    })
}
