import type { Command } from 'commander'
import { AppError, DATABASE_OUTAGES } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import type { RunState } from '../../domain/ports/repository.js'
import type { GivenUpGroup } from '../../domain/ports/run-repository.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import { viewRun, viewWorkers } from '../../producers/runs/run-view.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { describeSearch, describeStale } from '../index/index-status.js'
import { describeFailures } from '../ingest/ingest-report.js'
import { describeGivenUp, describeRuns, describeStuck, describeWorkers } from '../run/run-report.js'

/** Shows the newest SHOWN_RUNS runs, and all unfinished ones among the newest READ_RUNS. */
const READ_RUNS = 50
const SHOWN_RUNS = 5

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('Show photos done, failed (by code), in flight and waiting, with the active runs and workers.')
    .option('--model <name>', 'model to show (default: the one chosen for searches, else that of the newest run)')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip status
  watch -n 5 unsplash-clip status

Details of one run: unsplash-clip run show
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some photos failed for good.`,
    )
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, context => status(context, options.model !== undefined))
    })
}

/** The name with the precision that this installation takes it for; as it is for a model that only the database knows. */
function storedName({ config, models }: Context['app']): string {
  try {
    return modelKey(models.spec)
  } catch (error) {
    if (error instanceof AppError && error.code === 'MODEL_UNKNOWN') return config.MODEL
    throw error
  }
}

async function status({ app, out }: Context, named: boolean): Promise<number> {
  const { ingest, indexes, runs: control } = await app.repositories()
  const queue = await app.queue()
  const model = named ? await ingest.findModel(storedName(app)) : await ingest.latestModel()
  const counts = await queue.counts()
  const alive = await control.workers()
  const workers = viewWorkers(alive)
  const isOpen = (state: RunState) => ['running', 'waiting for workers', 'interrupted'].includes(state)
  const isOver = (state: RunState) => state === 'done' || state === 'cancelled'
  const runs = (await ingest.runs(READ_RUNS, { withEmpty: false }))
    .filter((run, i) => i < SHOWN_RUNS || !isOver(run.state))
    .map(run => viewRun(run, alive))
  const givenUp: (GivenUpGroup & { run: string })[] = []
  for (const { id, state, givenUpBatches } of runs)
    if (givenUpBatches > 0 && !isOver(state))
      for (const group of await control.givenUpOfRun(id)) givenUp.push({ run: id, ...group })
  // Read after the queue, so that a batch that just left it is already in the database.
  const isEmpty = counts.waiting + counts.active + counts.delayed === 0
  const lost = isEmpty ? runs.filter(({ state, waiting }) => isOpen(state) && waiting > 0) : []
  const lostPhotos = lost.reduce((sum, run) => sum + run.waiting, 0)
  // Workers cannot report to a database that takes no writes.
  const trouble = await troubleOf(() => control.assertWritable())
  const where = {
    database: app.database.location,
    databaseTrouble: trouble,
    queue: { location: queue.location, ...counts },
  }
  if (model === null) {
    out.result(
      { ...where, model: null, runs, workers },
      named
        ? 'No photo was ingested with this model yet.'
        : 'Nothing was ingested yet. Start with: unsplash-clip ingest INPUT --processes 2',
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
    `Queue       ${formatQuantity(counts.waiting, 'batch', 'batches')} waiting, ${formatCount(counts.active)} in work, ${formatCount(counts.delayed)} tried again later, ${formatCount(counts.failed)} given up (${queue.location})`,
    `Database    ${app.database.location}`,
    ...(trouble === null ? [] : [`Trouble     ${trouble}`]),
    `Copies      ${app.storeLocation}`,
    ...describeWorkers(workers),
    // An ingest that was started again after an interruption is a run of its own.
    ...describeStuck(
      runs.filter((run, i) => i === 0 || run.waiting > 0),
      workers,
    ),
    ...describeGivenUp(givenUp),
    ...(lost.length > 0
      ? [
          '',
          `The queue is empty, but ${formatQuantity(lostPhotos, 'photo')} of run ${lost.map(run => run.id).join(', ')} unsettled: it has lost them. Enqueue them again: unsplash-clip ingest --only-missing`,
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

/** @returns what to tell about a database that takes no writes; null: it does */
async function troubleOf(check: () => Promise<void>): Promise<string | null> {
  try {
    await check()
    return null
  } catch (error) {
    if (!(error instanceof AppError && DATABASE_OUTAGES.has(error.code))) throw error
    return error.message
  }
}
