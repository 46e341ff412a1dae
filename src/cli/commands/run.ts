import type { Command } from 'commander'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { wholeNumber } from '../options/arguments.js'

const RUN = 'id of a run, or a unique start of it'

export function addRunCommand(program: Command): void {
  const run = program
    .command('run')
    .description('List, show, pause, resume, cancel and retry the runs of ingest.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip run list
  unsplash-clip run show --watch
  unsplash-clip run pause 20261123
  unsplash-clip run retry 20261123 --code TIMEOUT

Ways to drain work:
  run pause RUN               workers finish their batches of this run and continue with others
  Ctrl-C or SIGTERM           to a worker: it finishes its batches and ends; others continue
  worker --until-idle         ends when the queue is empty: nothing waits, is active or delayed`,
    )
  run
    .command('list')
    .description('List runs, newest first: state, photos, rate.')
    .option('--limit <n>', 'number of runs', wholeNumber(1, 10_000), 20)
    .option('--all', 'also show runs that enqueued no photo')
    .option('--json', 'print one JSON object per line')
    .addHelpText('after', '\nExamples:\n  unsplash-clip run list\n  unsplash-clip run list --limit 100 --json')
    .action(async (options: CommonOptions & { limit: number; all?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { listRuns } = await import('../run/show-run.js')
        return listRuns(context, options.limit, options.all ?? false)
      })
    })
  run
    .command('show')
    .description('Show a run: done, failed by code, in flight, waiting, parked, given up, rate, ETA, and the workers.')
    .argument('[run]', `${RUN} (default: the newest)`)
    .option('--watch', 'repeat every two seconds until the run is done')
    .option('--json', 'print a JSON object; with --watch one per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip run show --watch
  unsplash-clip run show 20261123 --json
  watch -n 5 unsplash-clip run show

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some photos failed permanently.`,
    )
    .action(async (prefix: string | undefined, options: CommonOptions & { watch?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { showRun } = await import('../run/show-run.js')
        return showRun(context, prefix, options.watch ?? false)
      })
    })
  addControl(
    run,
    'pause',
    'Pause a run: workers finish their batches of it and take no more.',
    '\nThe producer of a paused run waits, too. Other runs continue.',
    pauseRun,
  )
  addControl(run, 'resume', 'Resume a paused run.', '\nSafe to repeat, also after an interruption.', resumeRun)
  run
    .command('cancel')
    .description('Cancel a run permanently. Embedded photos stay.')
    .argument('<run>', RUN)
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip run cancel 20261123091500-a1b2
  unsplash-clip run cancel 2026112309 --yes --json

Workers finish the batches that they hold. To do the rest, start the same ingest again.`,
    )
    .action(async (prefix: string, options: CommonOptions & { yes?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { cancel } = await import('../run/run-control.js')
        return cancel(context, prefix, options.yes ?? false)
      })
    })
  addRetry(run)
}

function addRetry(run: Command): void {
  run
    .command('retry')
    .description('Try the failed photos of a run again: they become a run of their own.')
    .argument('<run>', RUN)
    .option('--code <code>', 'only failures with this code, such as TIMEOUT or HTTP_404; `run show` lists them')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip run retry 20261123091500-a1b2
  unsplash-clip run retry 2026112309 --code HTTP_503 --json

The new run has the model, the label sets and the priority of the old one. It is in the queue when the command ends.`,
    )
    .action(async (prefix: string, options: CommonOptions & { code?: string }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { failureCode } = await import('../ingest/ingest-options.js')
        const code = options.code === undefined ? undefined : failureCode(options.code, '--code')
        const { retry } = await import('../run/retry-run.js')
        return retry(context, prefix, code)
      })
    })
}

function addControl(
  run: Command,
  name: string,
  description: string,
  after: string,
  act: (context: Context, prefix: string) => Promise<number>,
): void {
  run
    .command(name)
    .description(description)
    .argument('<run>', RUN)
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `\nExamples:\n  unsplash-clip run ${name} 20261123091500-a1b2\n  unsplash-clip run ${name} 2026112309 --json\n${after}`,
    )
    .action(async (prefix: string, options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, context => act(context, prefix))
    })
}

async function pauseRun(context: Context, prefix: string): Promise<number> {
  const { pause } = await import('../run/run-control.js')
  return pause(context, prefix)
}

async function resumeRun(context: Context, prefix: string): Promise<number> {
  const { resume } = await import('../run/run-control.js')
  return resume(context, prefix)
}
