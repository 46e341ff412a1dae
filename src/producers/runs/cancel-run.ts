import type { Queue } from '../../domain/ports/queue.js'
import type { RunControl, RunRepository } from '../../domain/ports/run-repository.js'

const PAGE_SIZE = 1000

export interface CancelDeps {
  runs: Pick<RunRepository, 'setControl' | 'openBatches'>
  queue: Pick<Queue, 'remove'>
}

/**
 * Cancels a run permanently and removes its batches from the queue. Workers finish the batches that they hold. Photos that
 * wait for another try have job ids of their own, and workers drop them when they receive them. Safe to repeat.
 * @returns the control of the run before, and the number of batches removed
 * @throws AppError NOT_FOUND, QUEUE_UNREACHABLE
 */
export async function cancelRun(
  runId: string,
  { runs, queue }: CancelDeps,
): Promise<{ before: RunControl; batches: number }> {
  const before = await runs.setControl(runId, 'cancelled')
  let batches = 0
  for await (const page of runs.openBatches(runId, PAGE_SIZE)) batches += (await queue.remove(page)).length
  return { before, batches }
}
