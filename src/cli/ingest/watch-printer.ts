import { formatCount, formatQuantity } from '../../domain/text/format.js'
import type { EnqueueSummary } from '../../producers/queueing/enqueue.js'
import type { RunProgress } from '../../producers/queueing/follow-run.js'
import type { OnWait } from '../../producers/queueing/wait-reason.js'
import type { GoneOutcome, Refusal } from '../../producers/watch/gone-files.js'
import type { WatchListener, WatchSettled } from '../../producers/watch/watch-folders.js'
import type { Context } from '../context.js'
import type { Output } from '../print/output.js'
import { Progress } from '../print/progress.js'
import { shellWord } from '../print/shell-word.js'
import { describeFailures, describeRowCounts, describeSummary, describeSync } from './ingest-report.js'
import { WaitNotices } from './wait-notices.js'

/** Why photos whose files are gone stay. */
const WHY: Record<Refusal, string> = {
  emptied: 'A folder lost all of its files, as when a disk is not mounted',
  'too many': 'Without --yes, --watch removes at most a tenth of a folder per hour, or three photos',
  'other disk': 'Another disk than at the start is there, for which --yes was not given',
}

/** Prints what `ingest --watch` does: the first look as any ingest, then a line for each change. */
export class WatchPrinter implements WatchListener {
  readonly #out: Output
  readonly #notices: WaitNotices
  readonly #progress = new Progress('photos')
  #isFirst = true
  #isWaiting = false

  constructor(
    { out }: Context,
    private readonly runId: string,
    private readonly folders: readonly string[],
    private readonly badRowsFile?: string,
  ) {
    this.#out = out
    this.#notices = new WaitNotices(out, this.#progress)
  }

  readonly onProgress = ({ rows, enqueuedPhotos }: Readonly<EnqueueSummary>): void => {
    if (this.#isFirst)
      this.#progress.write(
        `enqueue: ${formatQuantity(rows, 'row')}, ${formatQuantity(enqueuedPhotos, 'photo')} enqueued`,
      )
  }

  readonly onLooked = (summary: EnqueueSummary, { whole, seconds }: { whole: boolean; seconds: number }): void => {
    const { enqueuedPhotos, alreadyQueued, badRows, photos } = summary
    const isFirst = this.#isFirst
    this.#isFirst = false
    // A look at what did not change is nothing to tell.
    if (!isFirst && enqueuedPhotos + alreadyQueued === 0 && (whole || badRows === 0)) return
    const text = isFirst
      ? describeSummary(summary, seconds, { badRowsFile: this.badRowsFile })
      : [
          `${formatQuantity(photos, 'photo')} found: ${formatCount(enqueuedPhotos)} enqueued.`,
          ...describeRowCounts(summary, this.badRowsFile),
        ].join('\n')
    this.#tell({ ...summary, whole, seconds }, text)
  }

  readonly onWatching = (): void => {
    this.#tell({ watching: this.folders }, `Watching ${this.folders.join(', ')}. Ctrl-C ends.`)
  }

  readonly onRemoved = (outcome: GoneOutcome): void => {
    this.#tell({ sync: outcome }, this.#describeRemoved(outcome))
  }

  readonly onSettled = ({ failures, ...counts }: WatchSettled): void => {
    const { done, failed } = counts
    this.#tell(
      { ...counts, failures },
      [
        `${formatQuantity(Math.max(0, done), 'photo')} embedded, ${formatCount(Math.max(0, failed))} failed.`,
        ...describeFailures(failures),
      ].join('\n'),
    )
  }

  readonly onRunProgress = ({ run, queue: { active } }: RunProgress): void => {
    if (this.#isWaiting) return
    this.#progress.update({ total: run.photos, done: run.done, failed: run.failed }, `${active} batches active`)
  }

  readonly onNote = (text: string): void => this.#out.note(text)

  readonly onWait: OnWait = reason => {
    this.#isWaiting = reason !== null && reason.kind !== 'lost'
    this.#notices.tell(reason)
  }

  close(): void {
    this.#progress.end()
  }

  #describeRemoved(outcome: GoneOutcome): string {
    if (!outcome.isRefused) return describeSync(outcome)
    const { vanished, of, refusal, folders } = outcome
    const command = `unsplash-clip ingest ${folders.map(shellWord).join(' ')} --sync --yes`
    const found = `${formatCount(vanished)} of ${formatQuantity(of, 'photo')} ${vanished === 1 ? 'is' : 'are'} gone`
    const why = WHY[refusal!]
    return `${found}. ${why}: nothing was removed. If they are really gone, remove them with: ${command}`
  }

  #tell(object: object, text: string): void {
    this.#progress.end()
    const time = new Date().toTimeString().slice(0, 8)
    this.#out.result({ run: this.runId, ...object }, `${time}  ${text}`)
  }
}
