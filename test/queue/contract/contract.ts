import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import type { ServerKind } from '../backends.js'
import { QueueBench } from '../bench.js'
import { itAddsAndDelivers } from './contract-delivery.js'
import { itClosesAndHandsBack } from './contract-lifecycle.js'
import { itHonoursPriorities } from './contract-priority.js'
import { itDeliversAgain } from './contract-rejection.js'
import { itLooksUpAndRemoves } from './contract-removal.js'
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
    itDeliversAgain(bench)
    itHonoursPriorities(bench)
    itLooksUpAndRemoves(bench)
    itClosesAndHandsBack(bench)
    itSurvivesDeaths(bench)
    if (kind.isKillable()) itSurvivesItsServer(bench)
  })
}
