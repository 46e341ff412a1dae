import { bodies, connections, forbidden, notUrls, redirects, statuses } from '../servers/bad-servers.js'
import type { Definition } from './bad-case.js'
import { bombs, damagedImages, notImages, soundImages } from './bad-images.js'
import { jpegPhoto } from './sample-images.js'

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
