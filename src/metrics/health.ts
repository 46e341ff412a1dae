import { errorMessage } from '../domain/text/error-text.js'
import { SECOND } from '../domain/units.js'

/** A dependency that fails this long counts as gone; a shorter outage is no reason to replace a worker. */
const GONE_AFTER_MS = 60 * SECOND
const ASKED_EVERY_MS = 2 * SECOND
const ANSWER_WITHIN_MS = 3 * SECOND

export interface Health {
  ok: boolean
  /** Problems by dependency. */
  problems: Record<string, string>
}

/** Current activity of one or several workers. */
export interface Activity {
  phase: 'starting' | 'working' | 'stopping'
  /** Why the phase is doubtful, for example "no worker process was heard of for 40 s". */
  problem?: string
  /** What the workers wait for, such as a service that is away: they live, but take no work. */
  trouble?: string
}

/** Reports whether a process works and its dependencies respond. Checks on demand. */
export class HealthMonitor {
  readonly #dependencies: Dependency[]

  /** @param dependencies by name; each resolves when the service has answered */
  constructor(
    private readonly activity: () => Activity,
    dependencies: Readonly<Record<string, () => Promise<unknown>>>,
  ) {
    this.#dependencies = Object.entries(dependencies).map(([name, ask]) => new Dependency(name, ask))
  }

  /** For a liveness probe: started, and no dependency has been gone for a minute. Finishing counts as alive. */
  async live(): Promise<Health> {
    const { phase, problem } = this.activity()
    return this.#health(
      dependency => dependency.failingForMs() >= GONE_AFTER_MS,
      phase === 'starting' ? 'starting' : problem,
    )
  }

  /** For a readiness probe: it takes work now, and all dependencies respond. */
  async ready(): Promise<Health> {
    const { phase, problem, trouble } = this.activity()
    return this.#health(dependency => dependency.problem !== null, phase === 'working' ? (problem ?? trouble) : phase)
  }

  async #health(isBad: (dependency: Dependency) => boolean, problem: string | undefined): Promise<Health> {
    await Promise.all(this.#dependencies.map(dependency => dependency.ask()))
    const problems: Record<string, string> = problem === undefined ? {} : { worker: problem }
    for (const dependency of this.#dependencies.filter(isBad)) problems[dependency.name] = dependency.problem!
    return { ok: Object.keys(problems).length === 0, problems }
  }
}

/** A dependency of a process. */
class Dependency {
  /** Null when the last check succeeded. */
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

  /** Checks unless it was just checked, with a short timeout. Only one check is open at a time. */
  async ask(): Promise<void> {
    if (this.#answer === null) {
      if (Date.now() - this.#askedAtMs < ASKED_EVERY_MS) return
      this.#askedAtMs = Date.now()
      this.#answer = this.question()
        .then(
          () => this.#isWell(),
          error => this.#isBad(errorMessage(error)),
        )
        .finally(() => {
          this.#answer = null
        })
    }
    let tooLate: NodeJS.Timeout | undefined
    const noAnswer = new Promise<void>(resolve => {
      tooLate = setTimeout(() => {
        this.#isBad(`no response within ${ANSWER_WITHIN_MS / SECOND} s`)
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
