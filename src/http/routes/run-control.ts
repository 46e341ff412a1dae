import { z } from 'zod'
import { AppError, type PhotoFailureCode } from '../../domain/errors.js'
import type { Run as StoredRun } from '../../domain/ports/repository.js'
import { cancelRun } from '../../producers/runs/cancel-run.js'
import { pauseRun } from '../../producers/runs/pause-run.js'
import { resumeRun } from '../../producers/runs/resume-run.js'
import { viewRun } from '../../producers/runs/run-view.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { overloaded } from '../plugins/admission.js'
import { PROBLEMS } from '../schemas/problem.js'
import { FailureCode, OneRun, Run, runNotFound, shownRun } from '../schemas/run.js'
import { BASE } from '../shown.js'

const Controlled = z.object({
  before: z.enum(['active', 'paused', 'cancelled']).describe('What was requested of the run before.'),
  run: Run,
})

const RetryBody = z
  .strictObject({
    code: FailureCode.optional().describe(
      'Only failures with this code, such as `TIMEOUT` or `HTTP_404`. Default: all.',
    ),
  })
  .nullish()

/** Controlling runs, as `run pause`, `resume` and `cancel` do; trying failed photos again. */
export function addRunControlRoutes(app: HttpApp, { ingest, runs, queue, ingestion }: HttpParts): void {
  const schemaOf = (operationId: string, summary: string, description: string) => ({
    operationId,
    summary,
    description: `${description} Safe to repeat. Nothing happens to a run that is done.`,
    tags: ['runs'],
    params: OneRun,
    response: { 200: Controlled, ...PROBLEMS },
  })
  const config = { scope: 'admin' } as const

  app.post(
    '/runs/:id/pause',
    {
      config,
      schema: schemaOf(
        'pauseRun',
        'Pause a run',
        'Workers finish the batches that they hold, and start no more of this run, also after restarts.',
      ),
    },
    ({ params: { id } }) => control(id, async run => (await pauseRun(run, runs)).before),
  )

  app.post(
    '/runs/:id/resume',
    {
      config,
      schema: schemaOf('resumeRun', 'Resume a paused run', 'Its batches return to the queue.'),
    },
    ({ params: { id }, cancelled: signal }) =>
      control(id, async () => (await resumeRun(id, { runs, queue: await queue() }, { signal })).before),
  )

  app.post(
    '/runs/:id/cancel',
    {
      config,
      schema: schemaOf(
        'cancelRun',
        'Cancel a run for good',
        'Its batches leave the queue. Workers finish those that they hold, and embedded photos stay.',
      ),
    },
    ({ params: { id } }) => control(id, async () => (await cancelRun(id, { runs, queue: await queue() })).before),
  )

  app.post(
    '/runs/:id/retry',
    {
      config: { scope: 'ingest' },
      schema: {
        operationId: 'retryRun',
        summary: 'Try the failed photos of a run again',
        description:
          'They become a run of their own, with the model, the label sets and the priority of this one. `Location` names it.',
        tags: ['runs'],
        params: OneRun,
        body: RetryBody,
        response: { 202: z.object({ run: z.string() }), ...PROBLEMS },
      },
    },
    async ({ params: { id }, body }, reply) => {
      const { modelKey, priority } = await find(id)
      const { submissions, plan } = await ingestion()
      const code = body?.code as PhotoFailureCode | undefined
      const labelSets = await runs.labelSets(id)
      const retried = await submissions.retry(id, code, { ...(await plan(modelKey)), priority, labelSets })
      if (retried === null) throw overloaded('other runs are being enqueued')
      return reply.code(202).header('location', `${BASE}/runs/${retried}`).send({ run: retried })
    },
  )

  async function find(id: string): Promise<StoredRun> {
    const run = await ingest.run(id)
    if (run === null) throw runNotFound(id)
    return run
  }

  async function control(id: string, act: (run: StoredRun) => Promise<z.output<typeof Controlled>['before']>) {
    const run = await find(id)
    const before = run.state === 'done' ? await runs.controlOfRun(id) : await act(run).catch(asConflict)
    return { before, run: shownRun(viewRun(await find(id), await runs.workers())) }
  }
}

/** The database refuses to change a cancelled run. */
function asConflict(error: unknown): never {
  if (error instanceof AppError && error.code === 'USAGE')
    throw new AppError('RUN_CANCELLED', error.message, { cause: error })
  throw error
}
