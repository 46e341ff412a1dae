import { describe, expect, test } from 'vitest'
import type { Run } from '../../../src/domain/ports/repository.js'
import type { SeenWorker } from '../../../src/domain/ports/run-repository.js'
import { viewRun } from '../../../src/producers/runs/run-view.js'

const run = { id: 'r', state: 'running', photos: 100, done: 20, failed: 0, parkedPhotos: 0, givenUpPhotos: 0 } as Run
const worker = (inHand: number, trouble: string | null = null) =>
  ({ inHand: { r: inHand }, trouble }) as unknown as SeenWorker

describe('the time to the end', () => {
  test.each([
    ['of a run at work', [worker(4), worker(0, 'host.example asked for a pause')], 40],
    ['while a worker that reports trouble still holds photos', [worker(4, 'host.example asked for a pause')], 40],
    ['while no worker is alive', [], null],
    ['while all that is left waits for paused hosts', [worker(0, 'host.example asked for a pause')], null],
  ])('%s', (_, workers, seconds) => {
    expect(viewRun({ ...run, photosPerSecond: 2 }, workers).etaSeconds).toBe(seconds)
  })

  test('is unknown of a run that is paused, or has no rate yet', () => {
    expect(viewRun({ ...run, state: 'paused', photosPerSecond: 2 }, [worker(4)]).etaSeconds).toBeNull()
    expect(viewRun({ ...run, photosPerSecond: 0 }, [worker(4)]).etaSeconds).toBeNull()
  })
})
