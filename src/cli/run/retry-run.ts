import type { PhotoFailureCode } from '../../domain/errors.js'
import { formatQuantity } from '../../domain/text/format.js'
import { createRun, ingest } from '../../producers/ingest.js'
import { findRun } from '../../producers/runs/find-run.js'
import { type Context, endInTime } from '../context.js'
import { WaitNotices } from '../ingest/wait-notices.js'
import { Progress } from '../print/progress.js'
import { planIngest } from '../serve/ingestion.js'

/**
 * The `run retry` command: the failed photos of a run become a run of their own, with its model, label sets and priority.
 * @param code undefined: every failure
 * @returns exit code
 */
export async function retry(context: Context, prefix: string, code: PhotoFailureCode | undefined): Promise<number> {
  const { app, out, signal } = context
  endInTime(context, 'batches')
  const repositories = await app.repositories()
  const { id, modelKey, priority } = await findRun(repositories, prefix)
  const failures = await repositories.runs.failuresOfRun(id)
  const failed = failures.reduce(
    (sum, group) => sum + (code === undefined || group.code === code ? Number(group.photos) : 0),
    0,
  )
  const withCode = code === undefined ? '' : ` (${code})`
  if (failed === 0) {
    const found =
      failures.length === 0 ? '' : ` Codes of its failures: ${failures.map(group => group.code).join(', ')}.`
    out.result({ run: null, of: id, photos: 0 }, `Run ${id} has no failed photo${withCode}.${found} Nothing changed.`)
    return 0
  }
  await app.database.keepAlive()
  const { deps, plan } = await planIngest(context)
  const labelSets = await repositories.runs.labelSets(id)
  const subject = { kind: 'failed' as const, ofRun: id, code }
  const progress = new Progress('retry')
  const onWait = new WaitNotices(out, progress).tell
  const whole = { ...(await plan(modelKey)), priority, labelSets, subject }
  const run = await createRun(deps, whole, { signal, onWait })
  const { summary } = await ingest(deps, run, { workers: null, follow: false, signal, onWait }).finally(() =>
    progress.end(),
  )
  out.result(
    { run: run.id, of: id, photos: summary.enqueuedPhotos },
    `${formatQuantity(summary.enqueuedPhotos, 'failed photo')}${withCode} of run ${id} wait in the queue again, as run ${run.id}. To follow it: unsplash-clip run show ${run.id} --watch`,
  )
  return 0
}
