import type { HttpApp } from '../http/http-app.js'
import type { Problem } from '../http/schemas/problem.js'
import { BASE } from '../http/shown.js'

/** Why a call of a tool failed: the code of the project, what was expected and found, and what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: string

  constructor({ code, detail, action }: Pick<Problem, 'code' | 'detail' | 'action'>) {
    super([`${code}: ${detail}`, ...(action === undefined ? [] : [action])].join(' '))
    this.code = code
  }
}

export interface Picture {
  bytes: Buffer
  mimeType: string
}

/**
 * Reads from the HTTP API within this process, without a port. So tools validate, limit, time and refuse as it does. It
 * sends no other method than GET: nothing that a tool does changes the collection.
 */
export class ApiReader {
  /** @param signal aborted when nobody waits for the answers any more: the requests in work end */
  constructor(
    private readonly app: HttpApp,
    private readonly signal?: AbortSignal,
  ) {}

  /** A reader for one call. */
  until(signal: AbortSignal): ApiReader {
    return new ApiReader(this.app, signal)
  }

  /** @param path below /api/v1. @throws Refusal */
  async read<T>(path: string, parameters: object = {}): Promise<T> {
    return (await this.#get(path, parameters)).json<T>()
  }

  /** @throws Refusal */
  async picture(path: string, parameters: object): Promise<Picture> {
    const { rawPayload, headers } = await this.#get(path, parameters)
    return { bytes: rawPayload, mimeType: String(headers['content-type']) }
  }

  async #get(path: string, parameters: object) {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(parameters))
      for (const each of [value].flat()) if (each !== undefined) query.append(name, String(each))
    this.signal?.throwIfAborted()
    const answer = await this.app.inject({ method: 'GET', url: `${BASE}${path}?${query}`, signal: this.signal })
    if (answer.statusCode >= 400) throw new Refusal(answer.json<Problem>())
    return answer
  }
}
