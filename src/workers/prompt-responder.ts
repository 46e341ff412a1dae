import type { Logger } from 'pino'
import type { ModelIdentity } from '../domain/model.js'
import type { PromptAnswer, PromptRequest, PromptRequests } from '../domain/ports/prompts.js'
import type { LoanedEncoder } from './encoders.js'

const SECOND = 1000
/**
 * How often a worker looks for itself: where it hears no notification, and where it does, for what others left, and since a
 * pooler of connections may swallow them. Well within the ten seconds for which `embed_prompt` waits.
 */
const DEAF_POLL_MS = SECOND
const POLL_MS = 5 * SECOND
/** Prompts taken at once. A text is computed in some ten milliseconds, so that batches hardly wait. */
const AT_ONCE = 16

export interface PromptResponderDeps {
  requests: PromptRequests
  /** Lends the encoder of the worker's model. */
  borrow: () => Promise<LoanedEncoder>
  logger: Pick<Logger, 'info' | 'warn'>
}

/**
 * Embeds what people at psql ask for (`call embed_prompt('…')`), with the text tower of the worker's model, between the runs
 * of its batches. The database being away is for others to tell: it is tried again.
 */
export class PromptResponder {
  #timer: NodeJS.Timeout | undefined
  #stopListening: (() => void) | null | undefined
  #working: Promise<void> | undefined
  #askedMeanwhile = false
  #closed = false
  #troubled = false

  constructor(
    private readonly model: ModelIdentity,
    private readonly deps: PromptResponderDeps,
  ) {
    this.#wake()
  }

  /** Answers what it has taken, or leaves it to others. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#working
    this.#stopListening?.()
  }

  /** One at a time; who is woken while it works looks once more. */
  #wake(): void {
    if (this.#closed) return
    this.#askedMeanwhile = this.#working !== undefined
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
      if (this.#askedMeanwhile) this.#wake()
    })
  }

  async #work(): Promise<void> {
    clearTimeout(this.#timer)
    try {
      await this.#listen()
      while (!this.#closed && (await this.#answerSome()) === AT_ONCE);
      this.#troubled = false
    } catch (err) {
      if (!this.#troubled) this.deps.logger.warn({ err }, 'prompts that are asked for wait; trying again')
      this.#troubled = true
    }
    if (!this.#closed) this.#timer = setTimeout(() => this.#wake(), this.#stopListening ? POLL_MS : DEAF_POLL_MS)
  }

  /** Before the first look, so that nothing is asked for in between; again when the connection was lost. */
  async #listen(): Promise<void> {
    if (this.#stopListening !== undefined) return
    this.#stopListening = await this.deps.requests.listen(
      () => this.#wake(),
      () => {
        this.#stopListening = undefined
        this.#wake()
      },
    )
  }

  /** @returns how many were taken */
  async #answerSome(): Promise<number> {
    const { requests, logger } = this.deps
    const taken = await requests.claim(this.model, AT_ONCE)
    if (taken.length === 0) return 0
    const startedAt = Date.now()
    const answers = await this.#answers(taken).catch(async error => {
      await requests.release(taken.map(({ id }) => id))
      throw error
    })
    await requests.answer(answers)
    const failed = answers.filter(answer => 'problem' in answer).length
    logger.info({ prompts: answers.length, failed, ms: Date.now() - startedAt }, 'prompts embedded')
    return taken.length
  }

  /** Each by itself, so that one that cannot be embedded fails no other; all at once, so that no batch comes in between. */
  async #answers(taken: readonly PromptRequest[]): Promise<PromptAnswer[]> {
    const { encoder, release } = await this.deps.borrow()
    try {
      const settled = await Promise.allSettled(taken.map(({ prompt }) => encoder.encodeTexts([prompt])))
      return taken.map(({ id }, i) => {
        const result = settled[i]!
        if (result.status === 'fulfilled') return { id, embedding: result.value[0]! }
        return { id, problem: result.reason instanceof Error ? result.reason.message : String(result.reason) }
      })
    } finally {
      release()
    }
  }
}
