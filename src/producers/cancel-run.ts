import type { Queue } from '../domain/ports/queue.js'
import type { RunControl, RunRepository } from '../domain/ports/run-repository.js'

const PAGE_SIZE = 1000

export interface CancelDeps {
  runs: Pick<RunRepository, 'setControl' | 'openBatches'>
  queue: Pick<Queue, 'remove'>
}

/**
 * Cancels a run for good and takes its batches out of the queue. Those in hand are finished; photos that wait to be tried
 * again travel under ids of their own and are let go by the workers that get them. May be repeated.
 * @returns what was asked of the run before, and how many batches were taken out
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
