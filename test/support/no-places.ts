import type { PlaceRepository } from '../../src/domain/ports/place-repository.js'

/** For inputs and batches without files: nothing is recorded, and no photo lies anywhere. */
export const NO_PLACES: PlaceRepository = {
  unchanged: async () => new Map(),
  record: async () => [],
  clearFileFailures: async () => {},
  placesOf: async () => new Map(),
}
