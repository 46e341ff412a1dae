import type { Command } from 'commander'
import { wholeNumber } from '../arguments.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'

const RUN = 'the id of a run or its start, as long as no other run starts so'

export function addRunCommand(program: Command): void {
  const run = program
    .command('run')
    .description('The runs of ingest: list them, look at one, pause, resume or cancel it.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip run list
  unsplash-clip run show --watch
  unsplash-clip run pause 20261123

What drains what:
  run pause RUN               workers finish what they have in hand of this run and go on with others
  Ctrl-C or SIGTERM           to a worker: it finishes what it has in hand and ends; others go on
  worker --until-idle         ends when the queue is empty: nothing waits, is in work or to be tried again`,
    )
  run
    .command('list')
    .description('Runs, the newest first: state, photos, rate.')
    .option('--limit <n>', 'so many', wholeNumber(1, 10_000), 20)
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', '\nExamples:\n  unsplash-clip run list\n  unsplash-clip run list --limit 100 --json')
    .action(async (options: CommonOptions & { limit: number }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { listRuns } = await import('../run-show.js')
        return listRuns(context, options.limit)
      })
    })
  run
    .command('show')
    .description('One run: done, failed by code, in flight, waiting, parked, given up, rate, ETA, and who works.')
    .argument('[run]', `${RUN} (default: the newest)`)
    .option('--watch', 'show it again every two seconds until it is done')
    .option('--json', 'print a JSON object; with --watch one a line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip run show --watch
  unsplash-clip run show 20261123 --json
  watch -n 5 unsplash-clip run show

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some photos failed for good.`,
    )
    .action(async (prefix: string | undefined, options: CommonOptions & { watch?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { showRun } = await import('../run-show.js')
        return showRun(context, prefix, options.watch ?? false)
      })
    })
  addControl(
    run,
    'pause',
    'Hand out nothing of a run any more; batches in hand are finished.',
    '\nThe producer of a paused run waits, too. Other runs go on.',
    pauseRun,
  )
  addControl(run, 'resume', 'Let a paused run go on.', '\nMay be repeated, also after it was interrupted.', resumeRun)
  run
    .command('cancel')
    .description('Stop a run for good; what is done stays.')
    .argument('<run>', RUN)
    .option('--yes', 'do not ask')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip run cancel 20261123091500-a1b2
  unsplash-clip run cancel 2026112309 --yes --json

Batches in hand are finished. The same ingest, started again, does what is left.`,
    )
    .action(async (prefix: string, options: CommonOptions & { yes?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { cancel } = await import('../run-control.js')
        return cancel(context, prefix, options.yes ?? false)
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
  const { pause } = await import('../run-control.js')
  return pause(context, prefix)
}

async function resumeRun(context: Context, prefix: string): Promise<number> {
  const { resume } = await import('../run-control.js')
  return resume(context, prefix)
}
