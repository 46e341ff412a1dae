import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { type CommonOptions, type Context, endInTime, runCommand } from '../context.js'
import { keepCollectionModel } from '../models/collection-model.js'
import { collect, wholeNumber } from '../options/arguments.js'

const MOST_PROCESSES = 256

interface Options extends CommonOptions {
  processes: number | 'auto'
  concurrency?: number
  imagesPerCall?: number
  threads?: number
  metricsPort?: number
  untilIdle?: boolean
  allowHost?: string[]
  allowFolder?: string[]
  allowTemplate?: string[]
  hostRate?: string
  ignoreOptOut?: boolean
}

export function addWorkerCommand(program: Command): void {
  program
    .command('worker')
    .description('Process the queue until stopped: download, decode, encode, label and store photos.')
    .option('--model <name>', 'model to embed with (see `models list`)')
    .option(
      '--processes <n|auto>',
      'worker processes under one supervisor; auto: one per core with one thread each, or a single one with a GPU',
      processCount,
      1,
    )
    .option('--concurrency <n>', 'concurrent batches (default: the setting WORKER_CONCURRENCY)', wholeNumber(1, 64))
    .option(
      '--images-per-call <n>',
      'images per inference call (default: the setting IMAGES_PER_CALL)',
      wholeNumber(1, 1024),
    )
    .option(
      '--threads <n>',
      'threads of the encoder, 0: one per core (default: the setting THREADS; 1 with several processes)',
      wholeNumber(0, 256),
    )
    .option('--until-idle', 'end when the queue is empty')
    .option('--allow-host <host[:port]>', 'allow a host with a private or loopback address; repeatable', collect)
    .option(
      '--allow-folder <folder>',
      'allow reading image files below this folder, or s3://bucket/prefix; repeatable',
      collect,
    )
    .option(
      '--allow-template <template>',
      'allow fetching by this URL template, whose variables are set here; repeatable (not needed on the machine of the ingest)',
      collect,
    )
    .option(
      '--host-rate <n>',
      'requests per second of all workers together to one host, 0: no limit (default: the setting HOST_RATE)',
    )
    .option('--ignore-opt-out', 'fetch images even if their server opts out by X-Robots-Tag or TDM-Reservation')
    .option(
      '--metrics-port <n>',
      'port of /metrics, /healthz and /readyz (default: the setting METRICS_PORT)',
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

Run it on any number of machines; they share the queue. With --processes, the supervisor replaces a crashed worker after
a pause that doubles from 1 s to 1 min with each consecutive crash.
Ctrl-C or SIGTERM: it hands back what waits, finishes photos under way for 3 s, hands back the rest, and ends within
10 s (exit code 143 where something hangs even then). A second one ends at once.
Exit codes: 0 stopped or idle, 1 failed, 2 wrong usage or configuration, 3 some photos failed (--until-idle), 130 ended
at once.`,
    )
    .action(async (options: Options) => {
      const overrides = {
        WORKER_CONCURRENCY: options.concurrency?.toString(),
        IMAGES_PER_CALL: options.imagesPerCall?.toString(),
        THREADS: options.threads?.toString(),
        METRICS_PORT: options.metricsPort?.toString(),
        ALLOW_HOSTS: options.allowHost?.join(','),
        ALLOW_FOLDERS: options.allowFolder?.join(','),
        ALLOW_TEMPLATES: options.allowTemplate?.join(' '),
        HOST_RATE: options.hostRate,
        IGNORE_OPT_OUT: options.ignoreOptOut?.toString(),
      }
      const work = async (context: Context) => {
        endInTime(context, 'batches')
        const { untilIdle = false } = options
        const [provider] = context.app.config.EXECUTION_PROVIDER
        const automatic = provider === 'cpu' ? availableParallelism() : 1
        const processes = options.processes === 'auto' ? automatic : options.processes
        await keepCollectionModel(context)
        if (processes > 1) {
          const { superviseWorkers } = await import('../worker/supervised-workers.js')
          return superviseWorkers(context, { processes, untilIdle })
        }
        const { workInThisProcess } = await import('../worker/single-worker.js')
        return workInThisProcess(context, { untilIdle })
      }
      process.exitCode = await runCommand(options, overrides, work, 'service')
    })
}

function processCount(text: string): number | 'auto' {
  return text === 'auto' ? text : wholeNumber(1, MOST_PROCESSES)(text)
}
