import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../../domain/errors.js'
import { SECOND } from '../../domain/units.js'
import { findRun } from '../../producers/runs/find-run.js'
import { viewRun, viewWorkers } from '../../producers/runs/run-view.js'
import type { Context } from '../context.js'
import { SOME_FAILED } from '../exit-codes.js'
import { describeRun, describeRuns, type RunDetails } from './run-report.js'

const WATCH_MS = 2 * SECOND

/** The `run list` command. @returns exit code */
export async function listRuns({ app, out }: Context, limit: number, withEmpty: boolean): Promise<number> {
  const { ingest, runs } = await app.repositories()
  const workers = await runs.workers()
  const views = (await ingest.runs(limit, { withEmpty })).map(run => viewRun(run, workers))
  if (out.json) for (const view of views) out.result(view, '')
  else if (views.length > 0) out.text(describeRuns(views))
  else out.text('There is no run. Start one: unsplash-clip ingest INPUT --processes 2')
  return 0
}

/**
 * The `run show` command: prints the run once or, with `watch`, every two seconds to its end.
 * @returns exit code
 */
export async function showRun(context: Context, prefix: string | undefined, watch: boolean): Promise<number> {
  const { out, signal } = context
  if (watch && !out.json && !process.stdout.isTTY)
    throw new AppError(
      'USAGE',
      '--watch expects a terminal, or --json; found neither. Elsewhere: watch -n 2 unsplash-clip run show',
    )
  const { id } = await findRun(await context.app.repositories(), prefix)
  for (;;) {
    const details = await readRun(context, id)
    const { run, ...rest } = details
    const clear = watch && !out.json ? '\u001b[H\u001b[2J' : ''
    if (clear) process.stdout.write(clear)
    out.result({ ...run, ...rest }, describeRun(details))
    const hasEnded = run.state === 'done' || run.state === 'cancelled' || run.state === 'interrupted'
    if (!watch || hasEnded || signal.aborted) return run.failed > 0 ? SOME_FAILED : 0
    await pause(WATCH_MS, undefined, { signal }).catch(() => {})
    if (signal.aborted) return 0
  }
}

async function readRun({ app }: Context, id: string): Promise<RunDetails> {
  const { ingest, runs } = await app.repositories()
  const run = (await ingest.run(id))!
  const workers = await runs.workers()
  const options = await runs.optionsOfRun(id)
  return {
    run: viewRun(run, workers),
    failures: run.failed > 0 ? await runs.failuresOfRun(id) : [],
    givenUp: run.givenUpBatches > 0 ? await runs.givenUpOfRun(id) : [],
    refreshed: options.refresh === true ? await runs.refreshOfRun(id) : undefined,
    options,
    labelSets: await runs.labelSets(id),
    workers: viewWorkers(workers),
  }
}
