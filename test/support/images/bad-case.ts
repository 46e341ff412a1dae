import type { RequestListener } from 'node:http'
import type { PhotoFailureCode } from '../../../src/domain/errors.js'
import type { WireAnswer } from '../servers/bad-answers.js'

export type Expected = PhotoFailureCode | 'ok'

/** How a case is served: by the common server, on the wire, by a server of its own, or not at all. */
export type Served = { http: RequestListener } | { wire: WireAnswer } | { ownServer: RequestListener } | { url: string }

export type Definition = [
  id: string,
  expected: Expected | [first: Expected, final: Expected],
  how: Served,
  what: string,
]
