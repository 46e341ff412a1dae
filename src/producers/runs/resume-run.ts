import type { Queue } from '../../domain/ports/queue.js'
import type { RunControl, RunRepository } from '../../domain/ports/run-repository.js'
import { putIntoQueue } from '../queueing/put-into-queue.js'
import type { OnWait } from '../queueing/wait-reason.js'

const PAGE_SIZE = 200

export interface ResumeDeps {
  runs: Pick<RunRepository, 'setControl' | 'parked' | 'unpark'>
  queue: Pick<Queue, 'states' | 'remove' | 'add'>
}

/**
 * Resumes a paused run: workers park no more batches, and each parked batch returns to the queue before its record is
 * deleted. So this may be interrupted anywhere and repeated, and several calls may run at once; on an active run it
 * completes an interrupted call.
 * @returns the control of the run before, and the number of batches that returned
 * @throws AppError NOT_FOUND; USAGE for a run that was cancelled; QUEUE_UNREACHABLE; INTERRUPTED
 */
export async function resumeRun(
  runId: string,
  { runs, queue }: ResumeDeps,
  { onWait = () => {}, signal }: { onWait?: OnWait; signal?: AbortSignal } = {},
): Promise<{ before: RunControl; batches: number }> {
  const before = await runs.setControl(runId, 'active')
  let batches = 0
  for await (const page of runs.parked(runId, PAGE_SIZE)) {
    const parked = page.map(({ batch }) => batch)
    const leaving = new Set(parked.map(batch => batch.id))
    batches += (await putIntoQueue(queue, parked, { leaving, onWait, signal })).size
    await runs.unpark(page)
  }
  return { before, batches }
}
