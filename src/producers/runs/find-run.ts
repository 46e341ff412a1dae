import { AppError } from '../../domain/errors.js'
import type { IngestRepository, Run } from '../../domain/ports/repository.js'
import type { RunRepository } from '../../domain/ports/run-repository.js'

const SHOWN = 5

/**
 * Finds a run by the start of its id.
 * @param prefix unique start of the id; undefined: the newest run with photos, if there is one
 * @throws AppError NOT_FOUND; USAGE when several runs match
 */
export async function findRun(
  { ingest, runs }: { ingest: Pick<IngestRepository, 'run' | 'runs'>; runs: Pick<RunRepository, 'findRuns'> },
  prefix?: string,
): Promise<Run> {
  const newest = await ingest.runs(SHOWN)
  if (newest.length === 0)
    throw new AppError('NOT_FOUND', 'There is no run. Start one: unsplash-clip ingest INPUT --processes 2')
  if (prefix === undefined) return (await ingest.runs(1, { withEmpty: false }))[0] ?? newest[0]!
  const [id, another] = await runs.findRuns(prefix, SHOWN)
  if (id === undefined)
    throw new AppError(
      'NOT_FOUND',
      `Expected a run whose id starts with ${JSON.stringify(prefix)}, found none. Newest runs: ${newest.map(run => run.id).join(', ')}; all runs: unsplash-clip run list`,
    )
  if (another !== undefined)
    throw new AppError(
      'USAGE',
      `Expected the start of one run's id, found several runs that start with ${JSON.stringify(prefix)}: ${(await runs.findRuns(prefix, SHOWN)).join(', ')}. Type more of the id.`,
    )
  return (await ingest.run(id))!
}
