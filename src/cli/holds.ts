import type { Hold, OnHold } from '../producers/hold.js'
import type { Output } from './output.js'
import type { Progress } from './progress.js'

/** Told although nobody waits for them to end. */
const EVENTS: ReadonlySet<Hold['kind']> = new Set(['lost'])
/** Told again when they come again: people ended them, or servers. */
const PASSING: ReadonlySet<Hold['kind']> = new Set(['paused', 'away', 'moved', 'leaving'])

/**
 * Says what a command waits for: on a terminal in the line of its progress, else on stderr, each kind once, since a
 * producer that is faster than the workers finds the queue full a thousand times.
 */
export class Holds {
  #told: Hold['kind'] | null = null

  constructor(
    private readonly out: Pick<Output, 'note'>,
    private readonly progress: Pick<Progress, 'write' | 'interrupt'>,
    private readonly isTerminal = process.stderr.isTTY ?? false,
  ) {}

  readonly tell: OnHold = hold => {
    if (hold === null) {
      if (this.#told === null || !PASSING.has(this.#told)) return
      this.#told = null
      if (!this.isTerminal) this.out.note('Going on.')
    } else if (this.isTerminal && !EVENTS.has(hold.kind)) {
      this.#told = hold.kind
      this.progress.write(hold.message)
    } else if (hold.kind !== this.#told || EVENTS.has(hold.kind)) {
      this.#told = hold.kind
      if (this.isTerminal) this.progress.interrupt(`${hold.message}\n`)
      else this.out.note(hold.message)
    }
  }
}
