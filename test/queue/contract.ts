import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import type { ServerKind } from './backends.js'
import { QueueBench } from './bench.js'
import { itAddsAndDelivers } from './contract-delivery.js'
import { itClosesAndHandsBack } from './contract-lifecycle.js'
import { itSurvivesDeaths, itSurvivesItsServer } from './contract-survival.js'

/** What every implementation of the Queue port promises, on one kind of server. */
export function queueContract(kind: ServerKind): void {
  describe.skipIf(!kind.available())(`a queue on ${kind.name}`, () => {
    const bench = new QueueBench()
    beforeAll(async () => {
      bench.server = await kind.start()
    })
    afterAll(() => bench.server.stop())
    beforeEach(() => bench.beforeEach())
    afterEach(() => bench.afterEach())

    itAddsAndDelivers(bench)
    itClosesAndHandsBack(bench)
    itSurvivesDeaths(bench)
    // A native server may be somebody's own; it is not the tests' to kill.
    if (kind.name !== 'native Postgres') itSurvivesItsServer(bench)
  })
}
