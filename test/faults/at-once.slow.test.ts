import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { EndState } from './support/end-state.js'
import { installOtherRevision, writeSecondModel } from './support/other-model.js'
import { hasServers, Stage } from './support/stage.js'
import { expectNothingLost } from './support/verdict.js'

const SECOND = 1000
const PHOTOS = 160
/** A worker that is handed a batch for other weights keeps it from the others for seconds, so these are few. */
const PHOTOS_OF_REVISIONS = 32

describe.skipIf(!hasServers())('at once,', () => {
  let stage: Stage

  beforeAll(async () => {
    stage = await Stage.open()
    await stage.undisturbed(PHOTOS)
  })
  beforeEach(() => stage.images.requests.clear())
  afterAll(() => stage.close())

  test('two producers with the same photos make each of them be fetched and embedded once', {
    timeout: 240 * SECOND,
  }, async () => {
    const pipeline = await stage.pipeline({ photos: PHOTOS })
    const crew = pipeline.crew(2)
    const runs = await Promise.all([pipeline.ingest(), pipeline.ingest()])
    for (const { ended } of runs) {
      const { code, stderr } = await ended
      expect(code, stderr).toBe(0)
    }
    await pipeline.isIdle()
    expect(await crew.stop()).toEqual([0, 0])
    expect(Math.max(...stage.images.requests.values())).toBe(1)
    await expectNothingLost(pipeline, { fault: 'two producers at once', events: 2, recoverySeconds: [] })
  })

  test('four `db migrate` on an empty database apply every migration once', { timeout: 240 * SECOND }, async () => {
    const pipeline = await stage.pipeline({ photos: 0, isUnmigrated: true })
    const commands = Array.from({ length: 4 }, () => pipeline.start(['db', 'migrate', '--json']))
    const applied: string[] = []
    for (const { ended } of commands) {
      const { code, stdout, stderr } = await ended
      expect(code, stderr).toBe(0)
      applied.push(...(JSON.parse(stdout) as { applied: string[] }).applied)
    }
    const files = readdirSync(join(stage.packageFolder, 'migrations'))
      .filter(file => /^\d{4}_/.test(file))
      .map(file => file.replace(/\.sql$/, ''))
    expect(applied.toSorted()).toEqual(files.toSorted())
    const client = new Client({ connectionString: pipeline.databaseUrl })
    await client.connect()
    const { rows } = await client.query<{ name: string }>('select name from schema_migrations')
    await client.end()
    expect(rows.map(row => row.name).toSorted()).toEqual(files.toSorted())
  })

  test('two runs with different models get no vector of each other; every worker serves both', {
    timeout: 360 * SECOND,
  }, async () => {
    const folder = join(stage.folder, 'pixels')
    await writeSecondModel(folder)
    const second = { settings: { MODEL_FOLDERS: folder, MODEL: 'pixels' } }
    const pipeline = await stage.pipeline({ photos: PHOTOS, settings: { MODEL_FOLDERS: folder } })
    const crew = pipeline.crew(2)
    const runs = await Promise.all([pipeline.ingest(), pipeline.ingest(second)])
    for (const { ended } of runs) {
      const { code, stderr } = await ended
      expect(code, stderr).toBe(0)
    }
    await pipeline.isIdle()
    expect(await crew.stop()).toEqual([0, 0])
    const expected = union(await stage.undisturbed(PHOTOS), await stage.undisturbed(PHOTOS, second))
    await expectNothingLost(pipeline, { fault: 'two models at once', events: 2, recoverySeconds: [], expected })
  })

  test('two runs before and after a deployment that brought other weights get no vector of each other', {
    timeout: 360 * SECOND,
  }, async () => {
    const packageFolder = join(stage.folder, 'package-with-other-weights')
    await installOtherRevision(packageFolder)
    const pipeline = await stage.pipeline({ photos: PHOTOS_OF_REVISIONS })
    const installations = [{}, { packageFolder }]
    const crews = installations.map(installation => pipeline.crew(1, installation))
    const runs = await Promise.all(installations.map(installation => pipeline.ingest(installation)))
    for (const { ended } of runs) {
      const { code, stderr } = await ended
      expect(code, stderr).toBe(0)
    }
    await pipeline.isIdle()
    for (const crew of crews) expect(await crew.stop()).toEqual([0])
    const [before, after] = await Promise.all(
      installations.map(installation => stage.undisturbed(PHOTOS_OF_REVISIONS, installation)),
    )
    const expected = union(before!, after!)
    await expectNothingLost(pipeline, { fault: 'a deployment in the middle', events: 1, recoverySeconds: [], expected })
  })
})

/** Of two pipelines with the same photos and different models. */
function union(one: EndState, other: EndState): EndState {
  return {
    ...one,
    embeddings: new Map([...one.embeddings, ...other.embeddings]),
    labels: new Map([...one.labels, ...other.labels]),
  }
}
