import type { Run } from '../../src/domain/ports/repository.js'

/** A run as the repository would give it, in the middle of its work. */
export function aRunOf(changes: Partial<Run> & Pick<Run, 'id'>): Run {
  return {
    modelKey: 'clip@fp32',
    source: 'test',
    createdAt: new Date(0),
    enqueuedAt: new Date(0),
    photos: 0,
    done: 0,
    failed: 0,
    state: 'running',
    priority: 'normal',
    givenUpBatches: 0,
    givenUpPhotos: 0,
    parkedBatches: 0,
    parkedPhotos: 0,
    openBatches: 0,
    photosPerSecond: 0,
    ...changes,
  }
}
