import type { RequestListener } from 'node:http'
import type { PhotoFailureCode } from '../../src/domain/errors.js'
import type { WireAnswer } from './bad-answers.js'
import { bombs, damagedImages, notImages, soundImages } from './bad-images.js'
import { bodies, connections, forbidden, notUrls, redirects, statuses } from './bad-servers.js'
import { jpegPhoto } from './sample-images.js'

export type Expected = PhotoFailureCode | 'ok'

/** How a case is served: by the common server, on the wire, by a server of its own, or not at all. */
export type Served = { http: RequestListener } | { wire: WireAnswer } | { ownServer: RequestListener } | { url: string }

export type Definition = [
  id: string,
  expected: Expected | [first: Expected, final: Expected],
  how: Served,
  what: string,
]

export interface Surroundings {
  /** A server that must not be reached: on the loopback address, but not on the allow-list. */
  forbiddenPort: number
  /** Nobody listens there, although it is on the allow-list. */
  deadPort: number
  maxBytes: number
}

/** Every case of the corpus. */
export async function badCases(surroundings: Surroundings): Promise<Definition[]> {
  const photo = await jpegPhoto()
  return [
    ...(await soundImages(photo)),
    ...(await damagedImages(photo)),
    ...notImages(photo),
    ...(await bombs(photo)),
    ...bodies(photo, surroundings.maxBytes),
    ...connections(photo, surroundings.deadPort),
    ...statuses(photo),
    ...redirects(photo),
    ...forbidden(surroundings.forbiddenPort),
    ...notUrls(),
  ]
}
