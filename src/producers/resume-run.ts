import type { Queue } from '../domain/ports/queue.js'
import type { RunControl, RunRepository } from '../domain/ports/run-repository.js'
import type { OnHold } from './hold.js'
import { putIntoQueue } from './put-into-queue.js'

const PAGE_SIZE = 200

export interface ResumeDeps {
  runs: Pick<RunRepository, 'setControl' | 'parked' | 'unpark'>
  queue: Pick<Queue, 'states' | 'remove' | 'add'>
}

/**
 * Lets a paused run go on: from now on nothing is parked, and what is parked goes back into the queue first and is forgotten
 * then. So it may end anywhere and be repeated, and several may run at once; on an active run it finishes what another
 * one began.
 * @returns what was asked of the run before, and how many batches went back
 * @throws AppError NOT_FOUND; USAGE for a run that was cancelled; QUEUE_UNREACHABLE; INTERRUPTED
 */
export async function resumeRun(
  runId: string,
  { runs, queue }: ResumeDeps,
  { onHold = () => {}, signal }: { onHold?: OnHold; signal?: AbortSignal } = {},
): Promise<{ before: RunControl; batches: number }> {
  const before = await runs.setControl(runId, 'active')
  let batches = 0
  for await (const page of runs.parked(runId, PAGE_SIZE)) {
    const parked = page.map(({ batch }) => batch)
    const leaving = new Set(parked.map(batch => batch.id))
    batches += (await putIntoQueue(queue, parked, { leaving, onHold, signal })).size
    await runs.unpark(page)
  }
  return { before, batches }
}
