import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { ModelIdentity } from '../domain/model.js'
import type { PromptAnswer, PromptRequest, PromptRequests } from '../domain/ports/prompts.js'
import { errorMessage } from '../domain/text/error-text.js'
import { SECOND } from '../domain/units.js'
import type { EncoderLease } from './delivery/encoder-pool.js'

/**
 * Poll interval without notifications, and with them: poolers may swallow notifications, and other workers may leave
 * prompts behind. Well below the ten seconds that `embed_prompt` waits.
 */
const DEAF_POLL_MS = SECOND
const POLL_MS = 5 * SECOND
/** How long the end waits for prompts under way. */
const CLOSE_MS = 2 * SECOND
/** Prompts claimed at once. A text takes some ten milliseconds, so batches hardly wait. */
const AT_ONCE = 16

export interface PromptResponderDeps {
  requests: PromptRequests
  /** Leases the encoder of the worker's model. */
  acquire: () => Promise<EncoderLease>
  logger: Pick<Logger, 'info' | 'warn'>
}

/**
 * Embeds prompts requested in SQL (`call embed_prompt('…')`) with the text tower of the worker's model, between the
 * inference calls of its batches. Database outages are reported elsewhere; this retries.
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

  /** Answers the claimed prompts, or leaves them to other workers. Does not wait for a silent database. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    const ended = new AbortController()
    await Promise.race([this.#working, pause(CLOSE_MS, undefined, { signal: ended.signal }).catch(() => {})])
    ended.abort()
    this.#stopListening?.()
  }

  /** One pass at a time; a wake-up during a pass causes another pass. */
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

  /** Listens before the first look, so that no request is missed, and again after a lost connection. */
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

  /** @returns number of claimed prompts */
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

  /**
   * Encodes each prompt separately, so that one failure affects no other; all at once, so that no batch comes between
   * them.
   */
  async #answers(taken: readonly PromptRequest[]): Promise<PromptAnswer[]> {
    const { encoder, release } = await this.deps.acquire()
    try {
      const settled = await Promise.allSettled(taken.map(({ prompt }) => encoder.encodeTexts([prompt])))
      return taken.map(({ id }, i) => {
        const result = settled[i]!
        if (result.status === 'fulfilled') return { id, embedding: result.value[0]! }
        return { id, problem: errorMessage(result.reason) }
      })
    } finally {
      release()
    }
  }
}
