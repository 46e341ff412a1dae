import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { collect, wholeNumber } from '../arguments.js'
import { type CommonOptions, runCommand } from '../context.js'

const MOST_PROCESSES = 256

interface Options extends CommonOptions {
  processes: number | 'auto'
  concurrency?: number
  batchSize?: number
  threads?: number
  metricsPort?: number
  untilIdle?: boolean
  allowHost?: string[]
  allowFolder?: string[]
  hostRate?: string
  ignoreOptOut?: boolean
}

export function addWorkerCommand(program: Command): void {
  program
    .command('worker')
    .description('Work on the queue: download, decode, encode, label and store photos, until stopped.')
    .option('--model <name>', 'model to embed with (see `models list`)')
    .option(
      '--processes <n|auto>',
      'worker processes under one supervisor; auto: one a core, with one thread each; one in all with a GPU',
      processCount,
      1,
    )
    .option('--concurrency <n>', 'batches at once (default: the setting WORKER_CONCURRENCY)', wholeNumber(1, 64))
    .option(
      '--batch-size <n>',
      'images of one run of the model (default: the setting ENCODE_BATCH_SIZE)',
      wholeNumber(1, 1024),
    )
    .option(
      '--threads <n>',
      'threads of the encoder, 0: one a core (default: the setting THREADS; with several processes 1 each)',
      wholeNumber(0, 256),
    )
    .option('--until-idle', 'end when the queue is empty')
    .option(
      '--allow-host <host[:port]>',
      'may be reached although its address is private or loopback; repeatable',
      collect,
    )
    .option('--allow-folder <folder>', 'image files may be read from here; repeatable', collect)
    .option(
      '--host-rate <n>',
      'requests a second to one host by all workers together, 0: no limit (default: the setting HOST_RATE)',
    )
    .option('--ignore-opt-out', 'take images although their server opts out by X-Robots-Tag or TDM-Reservation')
    .option(
      '--metrics-port <n>',
      'serve /metrics, /healthz and /readyz here (default: the setting METRICS_PORT)',
      wholeNumber(0, 65_535),
    )
    .option('--json', 'print the final counts as a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip worker --processes auto
  unsplash-clip worker --threads 2 --metrics-port 9464
  unsplash-clip worker --model clip-vit-b-32@fp32 --until-idle --json

Run it on as many machines as you like; they share the queue. Under --processes a worker that crashes is replaced, after
a pause that doubles from 1 s to 1 min with every crash in a row.
Ctrl-C or SIGTERM finishes the batches in hand; a second one ends at once.
Exit codes: 0 stopped or idle, 1 failed, 2 wrong usage or configuration, 130 ended at once.`,
    )
    .action(async (options: Options) => {
      const overrides = {
        WORKER_CONCURRENCY: options.concurrency?.toString(),
        ENCODE_BATCH_SIZE: options.batchSize?.toString(),
        THREADS: options.threads?.toString(),
        METRICS_PORT: options.metricsPort?.toString(),
        ALLOW_HOSTS: options.allowHost?.join(','),
        ALLOW_FOLDERS: options.allowFolder?.join(','),
        HOST_RATE: options.hostRate,
        IGNORE_OPT_OUT: options.ignoreOptOut?.toString(),
      }
      process.exitCode = await runCommand(options, overrides, async context => {
        const { untilIdle = false } = options
        const [provider] = context.app.config.EXECUTION_PROVIDER
        const automatic = provider === 'cpu' ? availableParallelism() : 1
        const processes = options.processes === 'auto' ? automatic : options.processes
        if (processes > 1) {
          const { runWorkers } = await import('../run-workers.js')
          return runWorkers(context, { processes, untilIdle })
        }
        const { runWorker } = await import('../worker-run.js')
        return runWorker(context, { untilIdle })
      })
    })
}

function processCount(text: string): number | 'auto' {
  return text === 'auto' ? text : wholeNumber(1, MOST_PROCESSES)(text)
}
