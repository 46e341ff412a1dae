import type { Command } from 'commander'
import { modelKey } from '../../domain/model.js'
import type { RunState } from '../../domain/ports/repository.js'
import type { GivenUpGroup } from '../../domain/ports/run-repository.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { describeSearch, describeStale } from '../index-status.js'
import { describeFailures } from '../ingest-report.js'
import { formatCount } from '../output.js'
import { describeGivenUp, describeRuns, describeWorkers } from '../run-report.js'
import { viewRun, viewWorkers } from '../run-view.js'

/** Of the newest so many runs, the first few and those that are not over are shown. */
const READ_RUNS = 50
const SHOWN_RUNS = 5

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description(
      'Show what is done, failed (by code), in flight and waiting, the runs that are under way, and who works.',
    )
    .option('--model <name>', 'model to show (default: the one chosen for searches, else that of the newest run)')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip status
  watch -n 5 unsplash-clip status

More of one run: unsplash-clip run show.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some photos failed for good.`,
    )
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, context => status(context, options.model !== undefined))
    })
}

async function status({ app, out }: Context, named: boolean): Promise<number> {
  const { ingest, indexes, runs: control } = await app.repositories()
  const queue = await app.queue()
  const model = named ? await ingest.findModel(modelKey(await app.modelIdentity())) : await ingest.latestModel()
  const counts = await queue.counts()
  const alive = await control.workers()
  const workers = viewWorkers(alive)
  const isOver = (state: RunState) => state === 'done' || state === 'cancelled'
  const runs = (await ingest.runs(READ_RUNS))
    .filter((run, i) => i < SHOWN_RUNS || !isOver(run.state))
    .map(run => viewRun(run, alive))
  const givenUp: (GivenUpGroup & { run: string })[] = []
  for (const { id, state, givenUpBatches } of runs)
    if (givenUpBatches > 0 && !isOver(state))
      for (const group of await control.givenUpOfRun(id)) givenUp.push({ run: id, ...group })
  // Read after the queue: what left it before that is in the database.
  const isEmpty = counts.waiting + counts.active + counts.delayed === 0
  const lost = isEmpty ? runs.filter(run => run.state === 'running' && run.waiting > 0) : []
  const lostPhotos = lost.reduce((sum, run) => sum + run.waiting, 0)
  const where = { database: app.databaseLocation, queue: { location: queue.location, ...counts } }
  if (model === null) {
    out.result(
      { ...where, model: null, runs, workers },
      named
        ? 'No photo was ingested with this model yet.'
        : 'Nothing was ingested yet. Start with: unsplash-clip ingest INPUT --workers 2',
    )
    return 0
  }
  const totals = await ingest.totals(model.id)
  const failures = await ingest.failureGroups(model.id)
  const tunings = await indexes.tunings(model.id)
  const key = modelKey(model.identity)
  const text = [
    `Model       ${key}`,
    `Photos      ${formatCount(totals.photos)}: ${formatCount(totals.embedded)} embedded, ${formatCount(totals.failed)} failed, ${formatCount(Math.max(0, totals.photos - totals.embedded - totals.failed))} without embedding`,
    `Labels      ${formatCount(totals.labels)}`,
    `Search      ${describeSearch(tunings)}`,
    `Queue       ${formatCount(counts.waiting)} batches waiting, ${formatCount(counts.active)} in work, ${formatCount(counts.delayed)} tried again later, ${formatCount(counts.failed)} given up (${queue.location})`,
    `Database    ${app.databaseLocation}`,
    `Copies      ${app.storeLocation}`,
    ...describeWorkers(workers),
    ...describeGivenUp(givenUp),
    ...(lost.length > 0
      ? [
          '',
          `The queue is empty, but ${formatCount(lostPhotos)} photos of run ${lost.map(run => run.id).join(', ')} are left: it has lost them. Enqueue them again: unsplash-clip ingest --only-missing`,
        ]
      : []),
    ...describeStale(tunings),
    ...describeFailures(failures),
  ]
  if (runs.length > 0) text.push('', describeRuns(runs))
  out.result(
    { ...where, model: key, ...totals, failures, givenUp, lostPhotos, runs, workers, search: tunings },
    text.join('\n'),
  )
  return totals.failed > 0 ? 3 : 0
}
