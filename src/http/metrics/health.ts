const SECOND = 1000
/** A part that has failed for so long counts as gone; a short outage is survived and is no reason to replace a worker. */
const GONE_AFTER_MS = 60 * SECOND
const ASKED_EVERY_MS = 2 * SECOND
const ANSWER_WITHIN_MS = 3 * SECOND

export interface Health {
  ok: boolean
  /** What is wrong, by part. */
  problems: Record<string, string>
}

/** What a worker, or several, are doing now. */
export interface Activity {
  phase: 'starting' | 'working' | 'stopping'
  /** Why the phase is not what it says, for instance "no worker process was heard of for 40 s". */
  problem?: string
}

/** Whether a process works, and whether what it needs answers; asked when somebody looks. */
export class HealthMonitor {
  readonly #parts: Part[]

  /** @param parts what it needs, by name: each resolves when that has answered */
  constructor(
    private readonly activity: () => Activity,
    parts: Readonly<Record<string, () => Promise<unknown>>>,
  ) {
    this.#parts = Object.entries(parts).map(([name, ask]) => new Part(name, ask))
  }

  /** For a liveness probe: it has started, and nothing it needs has been gone for a minute. Finishing counts as alive. */
  async live(): Promise<Health> {
    const { phase, problem } = this.activity()
    return this.#health(part => part.failingForMs() >= GONE_AFTER_MS, phase === 'starting' ? 'starting' : problem)
  }

  /** For a readiness probe: it takes work, now, and all it needs answers. */
  async ready(): Promise<Health> {
    const { phase, problem } = this.activity()
    return this.#health(part => part.problem !== null, phase === 'working' ? problem : phase)
  }

  async #health(isBad: (part: Part) => boolean, problem: string | undefined): Promise<Health> {
    await Promise.all(this.#parts.map(part => part.ask()))
    const problems: Record<string, string> = problem === undefined ? {} : { worker: problem }
    for (const part of this.#parts.filter(isBad)) problems[part.name] = part.problem!
    return { ok: Object.keys(problems).length === 0, problems }
  }
}

/** Something that a process needs. */
class Part {
  /** Null when it has answered to the last question. */
  problem: string | null = null
  #failingSinceMs: number | null = null
  #askedAtMs = Number.NEGATIVE_INFINITY
  #answer: Promise<void> | null = null

  constructor(
    readonly name: string,
    private readonly question: () => Promise<unknown>,
  ) {}

  failingForMs(): number {
    return this.#failingSinceMs === null ? 0 : Date.now() - this.#failingSinceMs
  }

  /** Asks unless it was just asked; waits for the answer, but not for long. One question is open at a time. */
  async ask(): Promise<void> {
    if (this.#answer === null) {
      if (Date.now() - this.#askedAtMs < ASKED_EVERY_MS) return
      this.#askedAtMs = Date.now()
      this.#answer = this.question()
        .then(
          () => this.#isWell(),
          error => this.#isBad(error instanceof Error ? error.message : String(error)),
        )
        .finally(() => {
          this.#answer = null
        })
    }
    let tooLate: NodeJS.Timeout | undefined
    const noAnswer = new Promise<void>(resolve => {
      tooLate = setTimeout(() => {
        this.#isBad(`no answer within ${ANSWER_WITHIN_MS / SECOND} s`)
        resolve()
      }, ANSWER_WITHIN_MS)
    })
    await Promise.race([this.#answer, noAnswer])
    clearTimeout(tooLate)
  }

  #isWell(): void {
    this.problem = null
    this.#failingSinceMs = null
  }

  #isBad(problem: string): void {
    this.problem = problem
    this.#failingSinceMs ??= Date.now()
  }
}
