import type { IngestEnd } from '../../producers/ingest.js'
import type { EnqueueSummary } from '../../producers/queueing/enqueue.js'
import type { RunProgress } from '../../producers/queueing/follow-run.js'
import type { OnWait } from '../../producers/queueing/wait-reason.js'
import type { DamagedInput } from '../../producers/removal/damaged-rows.js'
import type { SyncOutcome } from '../../producers/removal/sync.js'
import type { Context } from '../context.js'
import type { Output } from '../print/output.js'
import { Progress } from '../print/progress.js'
import { describeEnd, describeSummary, describeSync } from './ingest-report.js'
import { WaitNotices } from './wait-notices.js'

/** Prints an ingest: first the progress of enqueueing and its summary, then the progress of the run and its end. */
export class IngestPrinter {
  progress = new Progress('enqueue')
  readonly #out: Output
  #notices: WaitNotices
  #isWaiting = false

  constructor(
    { out }: Context,
    private readonly runId: string,
    private readonly badRowsFile?: string,
  ) {
    this.#out = out
    this.#notices = new WaitNotices(out, this.progress)
  }

  readonly enqueued = (summary: EnqueueSummary): void => {
    const seconds = this.progress.end()
    this.#out.result(
      { run: this.runId, ...summary, seconds },
      describeSummary(summary, seconds, { badRowsFile: this.badRowsFile }),
    )
    this.progress = new Progress('photos')
    this.#notices = new WaitNotices(this.#out, this.progress)
    this.#isWaiting = false
  }

  readonly synced = (outcome: SyncOutcome | DamagedInput): void => {
    this.#out.result({ run: this.runId, sync: outcome }, describeSync(outcome))
  }

  readonly runProgress = ({ run, queue: { active } }: RunProgress): void => {
    if (this.#isWaiting) return
    this.progress.update({ total: run.photos, done: run.done, failed: run.failed }, `${active} batches active`)
  }

  readonly wait: OnWait = reason => {
    this.#isWaiting = reason !== null && reason.kind !== 'lost'
    this.#notices.tell(reason)
  }

  readonly end = ({ run, photos, done, failed, failures, refreshed, seconds }: IngestEnd): void => {
    this.progress.end()
    this.#out.result(
      { run: run.id, model: run.modelKey, photos, done, failed, failures, refreshed, seconds },
      describeEnd({ photos, done, failed, modelKey: run.modelKey, failures, refreshed, seconds }),
    )
  }

  close(): void {
    this.progress.end()
  }
}
