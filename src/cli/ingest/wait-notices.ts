import type { OnWait, WaitReason } from '../../producers/queueing/wait-reason.js'
import type { Output } from '../print/output.js'
import type { Progress } from '../print/progress.js'

/** Printed every time, because they are events rather than states. */
const EVENTS: ReadonlySet<WaitReason['kind']> = new Set(['lost'])
/** Printed again when they recur, because a person or a server ended them in between. */
const PASSING: ReadonlySet<WaitReason['kind']> = new Set(['paused', 'away', 'moved', 'leaving'])

/**
 * Prints the reason why a command waits: on a terminal in its progress line, otherwise on stderr. A pipe gets each kind once,
 * because a producer that is faster than the workers finds the queue full a thousand times.
 */
export class WaitNotices {
  #told: WaitReason['kind'] | null = null

  constructor(
    private readonly out: Pick<Output, 'note'>,
    private readonly progress: Pick<Progress, 'write' | 'interrupt'>,
    private readonly isTerminal = process.stderr.isTTY ?? false,
  ) {}

  readonly tell: OnWait = reason => {
    if (reason === null) {
      if (this.#told === null || !PASSING.has(this.#told)) return
      this.#told = null
      if (!this.isTerminal) this.out.note('Continuing.')
    } else if (this.isTerminal && !EVENTS.has(reason.kind)) {
      this.#told = reason.kind
      this.progress.write(reason.message)
    } else if (reason.kind !== this.#told || EVENTS.has(reason.kind)) {
      this.#told = reason.kind
      if (this.isTerminal) this.progress.interrupt(`${reason.message}\n`)
      else this.out.note(reason.message)
    }
  }
}
