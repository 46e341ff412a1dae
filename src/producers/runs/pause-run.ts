import type { Run } from '../../domain/ports/repository.js'
import type { RunControl, RunRepository } from '../../domain/ports/run-repository.js'
import { viewRun } from './run-view.js'

/**
 * Pauses a run: workers finish the batches that they hold, and park those that they find in the queue. Safe to repeat.
 * @returns the control of the run before, and the photos that workers hold
 * @throws AppError NOT_FOUND; USAGE for a cancelled run
 */
export async function pauseRun(
  run: Run,
  runs: Pick<RunRepository, 'setControl' | 'workers'>,
): Promise<{ before: RunControl; inFlight: number }> {
  const before = await runs.setControl(run.id, 'paused')
  const { inFlight } = viewRun(run, await runs.workers())
  return { before, inFlight }
}
