import { availableParallelism } from 'node:os'
import type { LabelSet } from '../domain/labels.js'
import { modelKey } from '../domain/model.js'
import { startWorker } from '../workers/worker.js'
import type { Context } from './context.js'
import { listLabelSetNames, readLabelSet } from './label-files.js'
import { openEncoder } from './model-files.js'
import { formatCount } from './output.js'
import { Progress } from './progress.js'

/** The `worker` command: works on the queue until it is stopped, or idle with `untilIdle`. */
export async function runWorker(context: Context, options: { untilIdle: boolean }): Promise<number> {
  const { app, out, signal } = context
  const { config } = app
  const names = listLabelSetNames(app.labelFolders)
  const labelSets = new Map<string, LabelSet>(names.map(name => [name, readLabelSet(name, app.labelFolders)]))
  const { ingest, labels } = await app.repositories()
  await app.keepDatabaseAlive()
  const store = await app.store()
  const encoder = await openEncoder(context, 'both')
  const queue = await app.queue()
  const worker = await startWorker(
    {
      repository: ingest,
      labels,
      labelSets,
      encoder,
      queue,
      imagePipeline: await app.imagePipeline(store, encoder.imageSize),
      logger: await app.logger(),
    },
    {
      concurrency: config.WORKER_CONCURRENCY,
      lockMs: config.QUEUE_LOCK_MS,
      maxAttempts: config.MAX_ATTEMPTS,
      retryBaseMs: config.RETRY_BASE_MS,
      downloadConcurrency: config.DOWNLOAD_CONCURRENCY,
      decodeConcurrency: availableParallelism(),
      untilIdle: options.untilIdle,
    },
  )
  const progress = new Progress(`worker ${modelKey(encoder.model)}`)
  const timer = setInterval(() => {
    const { embedded, failed } = worker.stats()
    progress.update({ total: null, done: embedded, failed })
  }, 1000)
  const onAbort = () => void worker.close()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await worker.done
  } finally {
    clearInterval(timer)
    progress.end()
    await worker.close()
  }
  const stats = worker.stats()
  out.result(
    { ...stats },
    `Worker ended: ${formatCount(stats.embedded)} photos embedded, ${formatCount(stats.failed)} failed, ${formatCount(stats.retried)} handed on to be tried again.`,
  )
  return 0
}
