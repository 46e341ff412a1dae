import type { Command } from 'commander'
import { modelKey } from '../../domain/model.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { describeFailures } from '../ingest-report.js'
import { formatCount, shorten, table } from '../output.js'

const SHOWN_RUNS = 5

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('Show what is done, failed (by code) and waiting.')
    .option('--model <name>', 'model to show (default: the one of the newest run)')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip status
  watch -n 5 unsplash-clip status

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some photos failed for good.`,
    )
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, context => status(context, options.model !== undefined))
    })
}

async function status({ app, out }: Context, named: boolean): Promise<number> {
  const { ingest } = await app.repositories()
  const queue = await app.queue()
  const model = named ? await ingest.findModel(modelKey(await app.modelIdentity())) : await ingest.latestModel()
  const counts = await queue.counts()
  const runs = await ingest.runs(SHOWN_RUNS)
  if (model === null) {
    out.result(
      { database: app.databaseLocation, queue: { location: queue.location, ...counts }, model: null, runs },
      named
        ? 'No photo was ingested with this model yet.'
        : 'Nothing was ingested yet. Start with: unsplash-clip ingest INPUT --workers 2',
    )
    return 0
  }
  const totals = await ingest.totals(model.id)
  const failures = await ingest.failureGroups(model.id)
  const key = modelKey(model.identity)
  const text = [
    `Model     ${key}`,
    `Photos    ${formatCount(totals.photos)}: ${formatCount(totals.embedded)} embedded, ${formatCount(totals.failed)} failed, ${formatCount(Math.max(0, totals.photos - totals.embedded - totals.failed))} without embedding`,
    `Labels    ${formatCount(totals.labels)}`,
    `Queue     ${formatCount(counts.waiting)} batches waiting, ${formatCount(counts.active)} in work, ${formatCount(counts.delayed)} tried again later, ${formatCount(counts.failed)} given up (${queue.location})`,
    `Database  ${app.databaseLocation}`,
    `Copies    ${app.storeLocation}`,
  ]
  text.push(...describeFailures(failures))
  if (runs.length > 0) {
    const rows = runs.map(run => [
      run.id,
      run.createdAt.toISOString().slice(0, 16),
      run.modelKey,
      run.photos,
      run.done,
      run.failed,
      shorten(run.source, 40),
    ])
    text.push('', table(['run', 'started', 'model', 'photos', 'done', 'failed', 'source'], rows))
  }
  out.result(
    {
      database: app.databaseLocation,
      queue: { location: queue.location, ...counts },
      model: key,
      ...totals,
      failures,
      runs,
    },
    text.join('\n'),
  )
  return totals.failed > 0 ? 3 : 0
}
