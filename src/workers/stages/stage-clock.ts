import { traced } from '../../domain/tracing/spans.js'

export const STAGES = ['download', 'store_copy', 'preprocess', 'encode', 'write', 'wait'] as const

/** `write`: labels and all rows of a batch. `wait`: for an outage to end, or for other batches. */
export type Stage = (typeof STAGES)[number]

/** Called with the duration of each pass through a stage: per photo for the first three, per batch for the others. */
export type OnStage = (stage: Stage, seconds: number) => void

const MS_PER_SECOND = 1000

/**
 * Measures where the time of a worker goes: how long each stage was under way, once or several times at once, and how
 * long any working stage was. The rest of the span is the queue and look-ups.
 */
export class StageClock {
  readonly #stages: Record<Stage, Span>
  /** All stages except `wait`. */
  readonly #working = new Span()
  #firstAt: number | undefined
  #lastAt = 0

  constructor(private readonly onStage?: OnStage) {
    this.#stages = Object.fromEntries(STAGES.map(stage => [stage, new Span()])) as Record<Stage, Span>
  }

  async time<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    this.#firstAt ??= startedAt
    this.#stages[stage].begin(startedAt)
    if (stage !== 'wait') this.#working.begin(startedAt)
    try {
      return await traced(stage, { isPart: true }, work)
    } finally {
      const endedAt = performance.now()
      this.#stages[stage].end(endedAt)
      if (stage !== 'wait') this.#working.end(endedAt)
      this.#lastAt = endedAt
      this.onStage?.(stage, (endedAt - startedAt) / MS_PER_SECOND)
    }
  }

  /** Seconds. `all`: at least one working stage was under way; `span`: from the first start to the last end. */
  seconds(): Record<Stage | 'all' | 'span', number> {
    const stages = Object.fromEntries(STAGES.map(stage => [stage, this.#stages[stage].seconds])) as Record<
      Stage,
      number
    >
    const span = this.#firstAt === undefined ? 0 : (this.#lastAt - this.#firstAt) / MS_PER_SECOND
    return { ...stages, all: this.#working.seconds, span }
  }
}

/** Total time during which at least one pass was under way. */
class Span {
  #underWay = 0
  #since = 0
  #ms = 0

  begin(now: number): void {
    if (this.#underWay++ === 0) this.#since = now
  }

  end(now: number): void {
    if (--this.#underWay === 0) this.#ms += now - this.#since
  }

  get seconds(): number {
    return this.#ms / MS_PER_SECOND
  }
}
