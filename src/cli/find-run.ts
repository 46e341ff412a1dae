import { AppError } from '../domain/errors.js'
import type { IngestRepository, Run } from '../domain/ports/repository.js'
import type { RunRepository } from '../domain/ports/run-repository.js'

const SHOWN = 5

/**
 * The run that somebody means.
 * @param prefix start of its id, as long as no other run's id starts so; none: the newest run
 * @throws AppError NOT_FOUND, USAGE when several fit
 */
export async function findRun(
  { ingest, runs }: { ingest: Pick<IngestRepository, 'run' | 'runs'>; runs: Pick<RunRepository, 'findRuns'> },
  prefix?: string,
): Promise<Run> {
  const newest = await ingest.runs(SHOWN)
  if (newest.length === 0)
    throw new AppError('NOT_FOUND', 'There is no run yet. Start one: unsplash-clip ingest INPUT --workers 2')
  if (prefix === undefined) return newest[0]!
  const [id, another] = await runs.findRuns(prefix, SHOWN)
  if (id === undefined)
    throw new AppError(
      'NOT_FOUND',
      `A run whose id starts with ${JSON.stringify(prefix)} expected, found none. The newest: ${newest.map(run => run.id).join(', ')}; all: unsplash-clip run list`,
    )
  if (another !== undefined)
    throw new AppError(
      'USAGE',
      `The start of one run's id expected, found several runs that start with ${JSON.stringify(prefix)}: ${(await runs.findRuns(prefix, SHOWN)).join(', ')}. Give more of it.`,
    )
  return (await ingest.run(id))!
}
