import { beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import type { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresRunRepository } from '../../../src/db/ingest/run-repository.js'
import type { Batch } from '../../../src/domain/ports/queue.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import type { WorkerReport } from '../../../src/domain/ports/run-repository.js'
import { serverKinds } from '../../support/servers/postgres.js'
import { aPhoto } from '../factories.js'
import { freshDatabases } from '../fresh-databases.js'

const kinds = serverKinds()
describe.each(kinds)('control of runs on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let database: Database
    let ingest: PostgresIngestRepository
    let runs: PostgresRunRepository
    let modelId: ModelId
    const fresh = freshDatabases(start)
    beforeEach(async () => {
      ;({ database, ingest, modelId } = await fresh())
      runs = new PostgresRunRepository(database)
      await ingest.upsertPhotos(['a', 'b', 'c', 'd'].map(id => aPhoto(id)))
      await aRun('run-1')
      await ingest.addBatches([
        { id: 'b1', runId: 'run-1', photoIds: ['a', 'b'] },
        { id: 'b2', runId: 'run-1', photoIds: ['c', 'd'] },
      ])
    })

    const aRun = (id: string, labels: string[] = ['day', 'night']) =>
      ingest.createRun({
        id,
        modelId,
        source: 'photos.tsv',
        options: {},
        priority: 'high',
        labelSets: [{ name: 'time', template: 'a photo at {}', labels }],
      })
    const fromQueue = (parentId: string, id = parentId): Batch => ({
      id,
      parentId,
      runId: 'run-1',
      model: 'clip-test@fp32',
      revision: 'abc',
      photos: [{ id: 'a', url: 'https://images.example/a' }],
      attempt: 1,
      store: true,
      labelSets: ['time'],
      priority: 'high',
    })
    const aWorker = (id: string): WorkerReport => ({
      id,
      host: 'box',
      pid: 7,
      model: 'clip-test@fp32',
      startedAt: new Date('2026-01-01T00:00:00Z'),
      embedded: 10,
      failed: 1,
      photosPerSecond: 2.5,
      inHand: { 'run-1': 64 },
      trouble: null,
    })
    const settle = (parentId: string, photoIds: string[]) =>
      ingest.recordOutcome({
        parentId,
        modelId,
        embedded: photoIds.map(photoId => ({ photoId, embedding: Float32Array.of(1, 0, 0, 0), storedKey: null })),
        failures: [],
        labelSets: [],
      })
    const all = async <T>(pages: AsyncIterable<T[]>): Promise<T[]> => {
      const rows: T[] = []
      for await (const page of pages) rows.push(...page)
      return rows
    }
    const state = async (id = 'run-1') => (await ingest.run(id))!.state
    const openBatches = () => database.query<{ batch_id: string }>('select batch_id from open_batches order by 1')

    test('knows the state of a run from its first batch to its last', async () => {
      expect(await state()).toBe('enqueuing')
      await ingest.finishEnqueue('run-1')
      expect(await state()).toBe('waiting for workers')
      await runs.report(aWorker('one'))
      expect(await state()).toBe('running')
      await runs.leave('one')
      await settle('b1', ['a', 'b'])
      expect(await openBatches()).toEqual([{ batch_id: 'b2' }])
      await runs.setControl('run-1', 'paused')
      expect(await state()).toBe('paused')
      expect(await openBatches()).toEqual([])
      await settle('b2', ['c', 'd'])
      expect(await state()).toBe('done')
      expect(await ingest.run('run-1')).toMatchObject({ priority: 'high', done: 4, givenUpBatches: 0 })
      await database.query(`
        update runs set created_at = now() - interval '1 hour' where id = 'run-1';
        update batches set settled_at = now() - interval '50 minutes' where run_id = 'run-1'`)
      expect((await ingest.run('run-1'))!.photosPerSecond).toBeCloseTo(4 / 600, 6)
    })

    test('counts a run without anything to do as done', async () => {
      await aRun('empty')
      expect(await state('empty')).toBe('enqueuing')
      await ingest.finishEnqueue('empty')
      expect(await state('empty')).toBe('done')
    })

    test('leaves runs that are over without a photo out of a list if it should', async () => {
      const listed = async (withEmpty?: boolean) => (await ingest.runs(9, { withEmpty })).map(({ id }) => id)
      await aRun('empty')
      expect(await listed(false)).toEqual(['empty', 'run-1'])
      await runs.producerEnded('empty', false)
      await runs.producerEnded('run-1', false)
      expect(await listed()).toEqual(['empty', 'run-1'])
      expect(await listed(false)).toEqual(['run-1'])
      await ingest.finishEnqueue('empty')
      expect(await state('empty')).toBe('done')
      expect(await listed(false)).toEqual(['run-1'])
    })

    test('takes a run for interrupted when its producer is silent for half a minute, or says so', async () => {
      const silent = () =>
        database.query(`update runs set producer_seen_at = now() - interval '31 seconds' where id = 'run-1'`)
      await silent()
      expect(await state()).toBe('interrupted')
      await runs.producerSeen('run-1')
      expect(await state()).toBe('enqueuing')
      await runs.producerEnded('run-1', false)
      expect(await state()).toBe('interrupted')
      await runs.setControl('run-1', 'paused')
      expect(await state()).toBe('paused')
      await runs.setControl('run-1', 'active')

      await ingest.finishEnqueue('run-1')
      expect(await state()).toBe('interrupted')
      await runs.report(aWorker('other'))
      expect(await state()).toBe('running')
      await runs.leave('other')
      await silent()
      expect(await state()).toBe('interrupted')
      await runs.producerEnded('run-1', true)
      expect(await state()).toBe('waiting for workers')
      await runs.producerEnded('run-1', false)
      await settle('b1', ['a', 'b'])
      await settle('b2', ['c', 'd'])
      expect(await state()).toBe('done')
    })

    test('sets nothing aside while the run is active', async () => {
      expect(await runs.controlOfBatch('b1')).toBe('active')
      expect(await runs.setAside(fromQueue('b1'))).toBe('active')
      expect(await all(runs.parked('run-1', 10))).toEqual([])
    })

    test('takes a batch that nobody recorded for one to work on', async () => {
      expect(await runs.controlOfBatch('unknown')).toBe('active')
      expect(await runs.setAside(fromQueue('unknown'))).toBe('active')
    })

    test('parks what comes out of the queue while the run is paused, once, and gives it back as it was', async () => {
      expect(await runs.setControl('run-1', 'paused')).toBe('active')
      expect(await runs.controlOfBatch('b1')).toBe('paused')
      expect(await runs.setAside(fromQueue('b1'))).toBe('paused')
      expect(await runs.setAside(fromQueue('b1'))).toBe('paused')
      expect(await runs.setAside(fromQueue('b2', 'again'))).toBe('paused')
      expect(await runs.setControl('run-1', 'active')).toBe('paused')
      const parked = await all(runs.parked('run-1', 1))
      expect(parked.map(({ batch }) => batch)).toEqual([fromQueue('b2', 'again'), fromQueue('b1')])
      expect(await ingest.run('run-1')).toMatchObject({ parkedBatches: 2, parkedPhotos: 2, openBatches: 2 })
      await runs.unpark(parked)
      expect(await all(runs.parked('run-1', 1))).toEqual([])
    })

    test('keeps a batch parked that was parked again after it was put back', async () => {
      await runs.setControl('run-1', 'paused')
      await runs.setAside(fromQueue('b1'))
      const seen = await all(runs.parked('run-1', 10))
      expect(await runs.setAside(fromQueue('b1'))).toBe('paused')
      await runs.unpark(seen)
      expect(await all(runs.parked('run-1', 10))).toHaveLength(1)
    })

    test('tells a run that asks for parked batches that they may still be leaving the queue', async () => {
      await runs.setControl('run-1', 'paused')
      await runs.setAside(fromQueue('b1'))
      await runs.setAside(fromQueue('b2', 'again'))
      await aRun('run-2')
      const asked = ['b1', 'b2'].map(id => ({ id, runId: 'run-2', photoIds: ['a', 'b'] }))
      expect(await ingest.addBatches(asked)).toEqual(new Set(['b1']))
      expect(await ingest.run('run-1')).toMatchObject({ parkedBatches: 0, openBatches: 0 })
    })

    test('gives the batches in which something is left, with their photos, of a run or of a model', async () => {
      await settle('b1', ['a'])
      const unfinished = [
        { id: 'b1', photos: ['a', 'b'].map(id => ({ id, url: `https://images.example/${id}` })) },
        { id: 'b2', photos: ['c', 'd'].map(id => ({ id, url: `https://images.example/${id}` })) },
      ]
      expect(await all(runs.unfinished({ modelId }, 1))).toMatchObject(unfinished)
      await runs.giveUp('b1', 'MODEL_UNKNOWN', 'no worker has it')
      expect(await all(runs.unfinished({ runId: 'run-1' }, 1))).toMatchObject(unfinished.slice(1))
      expect(await all(runs.unfinished({ modelId }, 1))).toMatchObject(unfinished)
      await settle('b1', ['a', 'b'])
      expect(await all(runs.unfinished({ modelId }, 10))).toMatchObject(unfinished.slice(1))
      expect(await all(runs.unfinished({ modelId: modelId + 1 }, 10))).toEqual([])
    })

    test('knows what became of batches, whichever run they belong to now', async () => {
      await aRun('run-2')
      await ingest.addBatches([{ id: 'b2', runId: 'run-2', photoIds: ['c', 'd'] }])
      await settle('b1', ['a', 'b'])
      await runs.giveUp('b2', 'MODEL_UNKNOWN', 'no worker has it')
      await runs.setControl('run-2', 'paused')
      const open = { openBatches: 1, givenUpBatches: 1, done: 0 }
      expect(await runs.progressOf(['b1', 'b2', 'unknown'])).toEqual([
        { runId: 'run-1', control: 'active', photos: 2, done: 2, failed: 0, openBatches: 0, givenUpBatches: 0 },
        { runId: 'run-2', control: 'paused', photos: 2, failed: 0, ...open },
      ])
    })

    test('finds runs by the start of their id', async () => {
      await aRun('run-2')
      await aRun('run-22')
      await aRun('r%n')
      expect(await runs.findRuns('run', 10)).toEqual(['run-22', 'run-2', 'run-1'])
      expect(await runs.findRuns('run-2', 10)).toEqual(['run-2'])
      expect(await runs.findRuns('run-22', 10)).toEqual(['run-22'])
      expect(await runs.findRuns('r%', 10)).toEqual(['r%n'])
      expect(await runs.findRuns('nobody', 10)).toEqual([])
      expect(await runs.optionsOfRun('run-2')).toEqual({})
    })

    test('lets go of the batches of a cancelled run, and tells a later run that it did', async () => {
      await runs.setControl('run-1', 'paused')
      await runs.setAside(fromQueue('b2'))
      await runs.setControl('run-1', 'cancelled')
      expect(await all(runs.parked('run-1', 10))).toEqual([])
      expect(await runs.setAside(fromQueue('b1'))).toBe('cancelled')
      expect(await all(runs.openBatches('run-1', 1))).toEqual(['b1', 'b2'])
      expect(await state()).toBe('cancelled')
      await aRun('run-2')
      const again = [
        { id: 'b1', runId: 'run-2', photoIds: ['a', 'b'] },
        { id: 'b2', runId: 'run-2', photoIds: ['c', 'd'] },
      ]
      expect(await ingest.addBatches(again)).toEqual(new Set(['b1']))
      expect(await ingest.addBatches(again)).toEqual(new Set())
      expect(await runs.controlOfBatch('b1')).toBe('active')
    })

    test('refuses to wake a cancelled run, and one that does not exist', async () => {
      await runs.setControl('run-1', 'cancelled')
      expect(await runs.setControl('run-1', 'cancelled')).toBe('cancelled')
      await expect(runs.setControl('run-1', 'active')).rejects.toMatchObject({ code: 'USAGE' })
      await expect(runs.setControl('nobody', 'paused')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    })

    test('never loses a batch between pausing and resuming at the same moment', async () => {
      for (let round = 0; round < 20; round++) {
        await runs.setControl('run-1', 'paused')
        const [aside] = await Promise.all([runs.setAside(fromQueue('b1')), runs.setControl('run-1', 'active')])
        const parked = await all(runs.parked('run-1', 10))
        expect(parked.length).toBe(aside === 'paused' ? 1 : 0)
        await runs.unpark(parked)
      }
    })

    test('remembers why the queue gave a batch up, until it is enqueued again or settled', async () => {
      await ingest.finishEnqueue('run-1')
      await runs.giveUp('b1', 'MODEL_UNKNOWN', 'no worker has it')
      await runs.giveUp('b2', 'MODEL_UNKNOWN', 'no worker has it')
      expect(await runs.givenUpOfRun('run-1')).toEqual([
        { code: 'MODEL_UNKNOWN', batches: 2, photos: 4, message: 'no worker has it' },
      ])
      expect(await openBatches()).toEqual([])
      expect(await ingest.run('run-1')).toMatchObject({ givenUpBatches: 2, givenUpPhotos: 4, openBatches: 0 })
      await ingest.addBatches([{ id: 'b1', runId: 'run-1', photoIds: ['a', 'b'] }])
      await settle('b2', ['c', 'd'])
      expect(await runs.givenUpOfRun('run-1')).toEqual([])
      expect((await ingest.run('run-1'))!.givenUpBatches).toBe(0)
    })

    test('takes the newest definition of a label set, so that two runs do not undo each other', async () => {
      await aRun('run-2', ['dawn', 'day', 'dusk', 'night'])
      const newest = [{ name: 'time', template: 'a photo at {}', labels: ['dawn', 'day', 'dusk', 'night'] }]
      expect(await runs.labelSets('run-1')).toEqual(newest)
      expect(await runs.labelSets('run-2')).toEqual(newest)
      expect(await runs.labelSets('nobody')).toEqual([])
    })

    test('groups the failures of one run by code', async () => {
      await aRun('run-2')
      await ingest.upsertPhotos([aPhoto('e')])
      await ingest.addBatches([{ id: 'b3', runId: 'run-2', photoIds: ['e'] }])
      const failure = (photoId: string, code: 'HTTP_404' | 'TIMEOUT') => ({ photoId, code, message: code, attempts: 1 })
      const outcome = { modelId, embedded: [], labelSets: [] }
      await ingest.recordOutcome({
        ...outcome,
        parentId: 'b1',
        failures: [failure('a', 'HTTP_404'), failure('b', 'TIMEOUT')],
      })
      await ingest.recordOutcome({ ...outcome, parentId: 'b2', failures: [failure('c', 'HTTP_404')] })
      await ingest.recordOutcome({ ...outcome, parentId: 'b3', failures: [failure('e', 'HTTP_404')] })
      expect(await runs.failuresOfRun('run-1')).toEqual([
        { code: 'HTTP_404', photos: 2, photoId: 'a', message: 'HTTP_404', url: 'https://images.example/a' },
        { code: 'TIMEOUT', photos: 1, photoId: 'b', message: 'TIMEOUT', url: 'https://images.example/b' },
      ])
    })

    test('knows which workers are alive and what they have in hand', async () => {
      const report = aWorker('w1')
      await runs.report(report)
      await runs.report({ ...report, embedded: 20, trouble: 'the object store is away' })
      await runs.report({ ...report, id: 'w2', pid: 8 })
      await database.query(`update workers set seen_at = now() - interval '1 minute' where id = 'w2'`)
      const alive = await runs.workers()
      expect(alive).toMatchObject([{ ...report, embedded: 20, trouble: 'the object store is away' }])
      expect(await runs.workers(120_000)).toHaveLength(2)
      await runs.leave('w1')
      expect(await runs.workers()).toEqual([])
    })
  })
})
