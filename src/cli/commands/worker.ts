import type { Command } from 'commander'
import { collect, wholeNumber } from '../arguments.js'
import { type CommonOptions, runCommand } from '../context.js'

interface Options extends CommonOptions {
  concurrency?: number
  threads?: number
  untilIdle?: boolean
  allowHost?: string[]
  allowFolder?: string[]
}

export function addWorkerCommand(program: Command): void {
  program
    .command('worker')
    .description('Work on the queue: download, decode, encode, label and store photos, until stopped.')
    .option('--model <name>', 'model to embed with (see `models list`)')
    .option('--concurrency <n>', 'batches at once (default: the setting WORKER_CONCURRENCY)', wholeNumber(1, 64))
    .option(
      '--threads <n>',
      'threads of the encoder, 0: one a core (default: the setting THREADS)',
      wholeNumber(0, 256),
    )
    .option('--until-idle', 'end when the queue is empty')
    .option(
      '--allow-host <host[:port]>',
      'may be reached although its address is private or loopback; repeatable',
      collect,
    )
    .option('--allow-folder <folder>', 'image files may be read from here; repeatable', collect)
    .option('--json', 'print the final counts as a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip worker --threads 2
  unsplash-clip worker --model clip-vit-b-32@fp32 --until-idle --json

Start as many as there are cores and machines; they share the queue. Ctrl-C finishes the batches in hand.
Exit codes: 0 stopped or idle, 1 failed, 2 wrong usage.`,
    )
    .action(async (options: Options) => {
      const overrides = {
        WORKER_CONCURRENCY: options.concurrency?.toString(),
        THREADS: options.threads?.toString(),
        ALLOW_HOSTS: options.allowHost?.join(','),
        ALLOW_FOLDERS: options.allowFolder?.join(','),
      }
      process.exitCode = await runCommand(options, overrides, async context => {
        const { runWorker } = await import('../worker-run.js')
        return runWorker(context, { untilIdle: options.untilIdle ?? false })
      })
    })
}
