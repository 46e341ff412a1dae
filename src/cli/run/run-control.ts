import type { Run } from '../../domain/ports/repository.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import { cancelRun } from '../../producers/runs/cancel-run.js'
import { findRun } from '../../producers/runs/find-run.js'
import { pauseRun } from '../../producers/runs/pause-run.js'
import { resumeRun } from '../../producers/runs/resume-run.js'
import { viewRun } from '../../producers/runs/run-view.js'
import type { Context } from '../context.js'
import { WaitNotices } from '../ingest/wait-notices.js'
import { confirm } from '../print/confirm.js'
import { Progress } from '../print/progress.js'

/** The `run pause` command. @returns exit code */
export async function pause({ app, out }: Context, prefix: string): Promise<number> {
  const repositories = await app.repositories()
  const { runs } = repositories
  const found = await findRun(repositories, prefix)
  const { id } = found
  if (found.state === 'done') return nothingLeft({ out }, found, 'pause')
  const { before, inFlight } = await pauseRun(found, runs)
  const held = inFlight > 0 ? ` Workers finish the ${formatQuantity(inFlight, 'photo')} that they hold.` : ''
  out.result(
    { run: id, before, control: 'paused', inFlight },
    before === 'paused'
      ? `Run ${id} was already paused. To resume: unsplash-clip run resume ${id}`
      : `Run ${id} is paused.${held} All other batches are kept. To resume: unsplash-clip run resume ${id}`,
  )
  return 0
}

/** The `run resume` command. @returns exit code */
export async function resume({ app, out, signal }: Context, prefix: string): Promise<number> {
  const repositories = await app.repositories()
  const { id } = await findRun(repositories, prefix)
  const progress = new Progress('resume')
  const onWait = new WaitNotices(out, progress).tell
  const deps = { runs: repositories.runs, queue: await app.servingQueue() }
  const { before, batches } = await resumeRun(id, deps, { onWait, signal }).finally(() => progress.end())
  const back = `${formatQuantity(batches, 'batch', 'batches')} returned to the queue.`
  out.result(
    { run: id, before, control: 'active', batches },
    before === 'active' && batches === 0 ? `Run ${id} was not paused.` : `Run ${id} is active again. ${back}`,
  )
  return 0
}

/** The `run cancel` command. Asks on a terminal, unless `isSure`. @returns exit code */
export async function cancel(context: Context, prefix: string, isSure: boolean): Promise<number> {
  const { app, out } = context
  const repositories = await app.repositories()
  const found = await findRun(repositories, prefix)
  const { id } = found
  if (found.state === 'done') return nothingLeft(context, found, 'cancel')
  if (!isSure && process.stdin.isTTY && !(await confirm(question(found), context.signal))) {
    out.note('Nothing changed.')
    return 1
  }
  const { before, batches } = await cancelRun(id, { runs: repositories.runs, queue: await app.queue() })
  const run = (await repositories.ingest.run(id))!
  const { left, inFlight } = viewRun(run, await repositories.runs.workers())
  const held = inFlight > 0 ? ` (workers hold ${formatCount(inFlight)} of them and may still finish)` : ''
  out.result(
    { run: id, before, control: 'cancelled', batches, left, inFlight },
    `Run ${id} ${before === 'cancelled' ? 'was already cancelled' : 'is cancelled'}. ${formatQuantity(run.done, 'photo is', 'photos are')} embedded, ${formatCount(left)} are left undone${held}; ${formatQuantity(batches, 'batch was', 'batches were')} removed from the queue. To do the rest, start the same ingest again.`,
  )
  return 0
}

function nothingLeft({ out }: Pick<Context, 'out'>, { id }: Run, action: string): number {
  out.result(
    { run: id, control: 'active', state: 'done' },
    `Run ${id} is done: all of its photos are embedded or failed. There is nothing to ${action}.`,
  )
  return 0
}

function question({ id, photos, done, failed }: Run): string {
  const left = photos - done - failed
  return `Cancel run ${id} permanently? ${formatCount(left)} of its ${formatQuantity(photos, 'photo')} are not done.`
}
