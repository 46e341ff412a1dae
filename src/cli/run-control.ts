import { createInterface } from 'node:readline/promises'
import type { Run } from '../domain/ports/repository.js'
import { cancelRun } from '../producers/cancel-run.js'
import { resumeRun } from '../producers/resume-run.js'
import type { Context } from './context.js'
import { findRun } from './find-run.js'
import { Holds } from './holds.js'
import { formatCount } from './output.js'
import { Progress } from './progress.js'
import { viewRun } from './run-view.js'

/** The `run pause` command. @returns exit code */
export async function pause({ app, out }: Context, prefix: string): Promise<number> {
  const repositories = await app.repositories()
  const { runs } = repositories
  const found = await findRun(repositories, prefix)
  const { id } = found
  if (found.state === 'done') return nothingLeft({ out }, found, 'pause')
  const before = await runs.setControl(id, 'paused')
  const { inFlight } = viewRun(found, await runs.workers())
  const inHand = inFlight > 0 ? `${formatCount(inFlight)} photos in the hands of workers are finished; the` : 'The'
  out.result(
    { run: id, before, control: 'paused', inFlight },
    before === 'paused'
      ? `Run ${id} was paused already. To go on: unsplash-clip run resume ${id}`
      : `Run ${id} is paused. ${inHand} rest is kept, also what workers find of it in the queue. To go on: unsplash-clip run resume ${id}`,
  )
  return 0
}

/** The `run resume` command. @returns exit code */
export async function resume({ app, out, signal }: Context, prefix: string): Promise<number> {
  const repositories = await app.repositories()
  const { id } = await findRun(repositories, prefix)
  const progress = new Progress('resume')
  const onHold = new Holds(out, progress).tell
  const deps = { runs: repositories.runs, queue: await app.queue() }
  const { before, batches } = await resumeRun(id, deps, { onHold, signal }).finally(() => progress.end())
  const back = `${formatCount(batches)} batches went back into the queue.`
  out.result(
    { run: id, before, control: 'active', batches },
    before === 'active' && batches === 0 ? `Run ${id} was not paused.` : `Run ${id} goes on. ${back}`,
  )
  return 0
}

/** The `run cancel` command. On a terminal it asks first, unless `isSure`. @returns exit code */
export async function cancel(context: Context, prefix: string, isSure: boolean): Promise<number> {
  const { app, out } = context
  const repositories = await app.repositories()
  const found = await findRun(repositories, prefix)
  const { id } = found
  if (found.state === 'done') return nothingLeft(context, found, 'cancel')
  if (!isSure && process.stdin.isTTY && !(await confirms(context, found))) {
    out.note('Nothing was changed.')
    return 1
  }
  const { before, batches } = await cancelRun(id, { runs: repositories.runs, queue: await app.queue() })
  const run = (await repositories.ingest.run(id))!
  const { left, inFlight } = viewRun(run, await repositories.runs.workers())
  const inHand = inFlight > 0 ? ` (${formatCount(inFlight)} of them are in hand and may still be finished)` : ''
  out.result(
    { run: id, before, control: 'cancelled', batches, left, inFlight },
    `Run ${id} ${before === 'cancelled' ? 'was cancelled already' : 'is cancelled'}. ${formatCount(run.done)} photos are embedded, ${formatCount(left)} are left undone${inHand}; ${formatCount(batches)} batches were taken out of the queue. The same ingest, started again, does the rest.`,
  )
  return 0
}

function nothingLeft({ out }: Pick<Context, 'out'>, { id, photos }: Run, action: string): number {
  out.result(
    { run: id, control: 'active', state: 'done' },
    `Run ${id} is done: all of its ${formatCount(photos)} photos are settled. There is nothing to ${action}.`,
  )
  return 0
}

async function confirms({ signal }: Context, { id, photos, done, failed }: Run): Promise<boolean> {
  // Not in raw mode, in which Ctrl-C would be a character.
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: false })
  try {
    const left = formatCount(photos - done - failed)
    const answer = await terminal.question(
      `Cancel run ${id} for good? ${left} of its ${formatCount(photos)} photos are not done. [y/N] `,
      { signal },
    )
    return /^y(es)?$/i.test(answer.trim())
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    terminal.close()
  }
}
