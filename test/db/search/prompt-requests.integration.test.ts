import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresPromptRequests } from '../../../src/db/search/prompt-requests.js'
import { AppError } from '../../../src/domain/errors.js'
import type { PromptRequests } from '../../../src/domain/ports/prompts.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { PromptResponder } from '../../../src/workers/prompt-responder.js'
import { serverKinds } from '../../support/servers/postgres.js'
import { until } from '../../support/until.js'
import { FakeEncoder } from '../../workers/fakes.js'
import { freshDatabases } from '../fresh-databases.js'
import { storedPrompts } from '../stored-prompts.js'

const UNREADABLE = 'unreadable'

/** Remembers which texts it was asked for. */
class TextEncoder extends FakeEncoder {
  readonly asked: string[] = []

  override async encodeTexts(texts: readonly string[]): Promise<Float32Array[]> {
    this.asked.push(...texts)
    if (texts.includes(UNREADABLE)) throw new AppError('MODEL_INVALID', 'the embedding is zero')
    return super.encodeTexts(texts)
  }
}

const kinds = serverKinds()
describe.each(kinds)('requests for prompts on the $kind server', ({ kind, available, start }) => {
  describe.skipIf(!available)('', () => {
    const fresh = freshDatabases(start)
    let database: Database
    let requests: PostgresPromptRequests
    let modelId: ModelId
    const responders: PromptResponder[] = []

    beforeAll(async () => {
      const made = await fresh()
      database = made.database
      modelId = await made.ingest.registerModel(new TextEncoder().model)
      await made.ingest.createRun({ id: 'run-1', modelId, source: 'photos.tsv', options: {} })
      requests = new PostgresPromptRequests(database)
    })
    afterEach(async () => {
      await Promise.all(responders.splice(0).map(responder => responder.close()))
      await database.query('delete from prompt_requests')
    })

    function aResponder(encoder = new TextEncoder(), from: PromptRequests = requests): PromptResponder {
      const responder = new PromptResponder(encoder.model, {
        requests: from,
        acquire: async () => ({ encoder, release: () => {} }),
        logger: { info: () => {}, warn: () => {} },
      })
      responders.push(responder)
      return responder
    }

    const request = async (prompt: string): Promise<number | null> =>
      (await database.query<{ id: number | null }>('select request_prompt($1) as id', [prompt]))[0]!.id
    const isStored = async (prompt: string) => (await storedPrompts(database, modelId, [prompt]))[0] !== null
    const claimed = async () => (await requests.claim(new TextEncoder().model, 100)).map(({ prompt }) => prompt)
    const call = (sql: string) => database.pool.query(sql)

    test('are answered by a worker, whenever it comes', async () => {
      await request('asked before')
      aResponder()
      await until('the first', () => isStored('asked before'))
      await request('asked  while it waits')
      await until('the second', () => isStored('asked while it waits'))
    })

    test('that many make at once are each embedded once, however many workers there are', async () => {
      const encoders = [new TextEncoder(), new TextEncoder(), new TextEncoder()]
      for (const encoder of encoders) aResponder(encoder)
      const wanted = Array.from({ length: 40 }, (_, i) => `prompt number ${i}`)
      await Promise.all([...wanted, ...wanted].map(request))
      await until('all of them', async () =>
        (await storedPrompts(database, modelId, wanted)).every(found => found !== null),
      )
      expect(encoders.flatMap(({ asked }) => asked).sort()).toEqual(wanted.toSorted())
    })

    test('for the same prompt are one until it is answered, and none once it is stored', async () => {
      const id = await request('the same')
      expect(await request(' the same ')).toBe(id)
      aResponder()
      await until('it is stored', () => isStored('the same'))
      expect(await request('the same')).toBeNull()
    })

    test('for one that cannot be embedded say why, fail no other, and may be made again', async () => {
      const [bad] = [await request(UNREADABLE), await request('readable')]
      aResponder()
      await until('the other', () => isStored('readable'))
      expect(await database.query('select problem from prompt_requests where id = $1', [bad])).toEqual([
        { problem: 'the embedding is zero' },
      ])
      expect(await request(UNREADABLE)).toBeGreaterThan(bad!)
    })

    test('that a worker took are its own for a minute; then it counts as dead', async () => {
      await request('taken')
      expect(await claimed()).toEqual(['taken'])
      expect(await claimed()).toEqual([])
      await database.query(`update prompt_requests set claimed_at = now() - interval '61 seconds'`)
      expect(await claimed()).toEqual(['taken'])
    })

    test('that a worker gave back are for others to take at once', async () => {
      const id = await request('given back')
      expect(await claimed()).toEqual(['given back'])
      await requests.release([id!])
      expect(await claimed()).toEqual(['given back'])
    })

    test('are given back when the encoder is not to be had', async () => {
      await request('later')
      const responder = new PromptResponder(new TextEncoder().model, {
        requests,
        acquire: () => Promise.reject(new Error('the worker ends')),
        logger: { info: () => {}, warn: () => {} },
      })
      await responder.close()
      expect(await claimed()).toEqual(['later'])
    })

    test('for other models are left alone', async () => {
      await request('of the test model')
      expect(await requests.claim({ ...new TextEncoder().model, revision: 'another' }, 10)).toEqual([])
    })

    test('are forgotten after a day', async () => {
      const old = await request('of yesterday')
      await database.query(`update prompt_requests set requested_at = now() - interval '25 hours'`)
      await requests.answer([])
      expect(await database.query('select from prompt_requests where id = $1', [old])).toEqual([])
    })

    test('are a thousand at most', async () => {
      await database.query(
        `insert into prompt_requests (model_id, prompt) select $1, 'flood ' || n from generate_series(1, 1000) n`,
        [modelId],
      )
      await expect(request('one more')).rejects.toMatchObject({
        code: 'PROMPT_NOT_EMBEDDED',
        message: expect.stringContaining('prompts add "one more" --model test@fp32'),
      })
    })

    test('are found by a worker whose database was away when it looked', async () => {
      let failures = 2
      const shaky: PromptRequests = {
        claim: (...args) => (failures-- > 0 ? Promise.reject(new Error('away')) : requests.claim(...args)),
        answer: answers => requests.answer(answers),
        release: ids => requests.release(ids),
        listen: async () => null,
      }
      await request('in spite of it')
      aResponder(new TextEncoder(), shaky)
      await until('it is stored', () => isStored('in spite of it'))
    })

    if (kind === 'embedded') {
      test('are not waited for where all clients share one session', async () => {
        aResponder()
        await expect(database.query(`call embed_prompt('wait for me')`)).rejects.toMatchObject({
          code: 'PROMPT_NOT_EMBEDDED',
          message: expect.stringMatching(
            /On the embedded server nobody can wait .* Run: unsplash-clip prompts add "wait for me" .* select request_prompt\('wait for me'\)/,
          ),
        })
        expect(
          await requests.listen(
            () => {},
            () => {},
          ),
        ).toBeNull()
      })
    } else {
      test('are waited for by embed_prompt, after which the prompt is there', async () => {
        aResponder()
        await call(`call embed_prompt(' a  dog ')`)
        expect(await isStored('a dog')).toBe(true)
        await call(`call embed_prompt('a dog', '0')`)
      })

      test('wake the worker by a notification', async () => {
        let heard = 0
        const stop = await requests.listen(
          () => heard++,
          () => {},
        )
        await request('listen')
        await until('the notification', () => heard > 0)
        stop!()
        const listening = `select from pg_stat_activity where query like 'listen%' and datname = current_database()`
        await until('its connection is closed', async () => (await database.query(listening)).length === 0)
      })

      test('are heard again after the connection that listened was lost', async () => {
        aResponder()
        const listening = () =>
          database.query<{ pid: number }>(
            `select pid from pg_stat_activity where query like 'listen%' and datname = current_database()`,
          )
        const [{ pid }] = (await until('the worker listens', async () => {
          const rows = await listening()
          return rows.length > 0 && rows
        })) as [{ pid: number }]
        await database.query('select pg_terminate_backend($1)', [pid])
        await until('another connection listens', async () => (await listening()).some(row => row.pid !== pid))
        await call(`call embed_prompt('after all')`)
      })

      test('that no worker answers end with how long it was waited, and stay', async () => {
        await expect(database.query(`call embed_prompt('nobody there', '50 ms')`)).rejects.toMatchObject({
          code: 'PROMPT_NOT_EMBEDDED',
          message: expect.stringMatching(
            /^No worker answered within 00:00:00\.05\. The request stays\. .*prompts add "nobody there"/,
          ),
        })
        expect(await claimed()).toEqual(['nobody there'])
      })

      test('that a worker could not answer end with its reason', async () => {
        aResponder()
        await expect(database.query(`call embed_prompt('${UNREADABLE}')`)).rejects.toMatchObject({
          code: 'PROMPT_NOT_EMBEDDED',
          message: 'A worker could not embed "unreadable": the embedding is zero',
        })
      })

      test.each(["'2 hours'", "'-1 second'", 'null'])('are not waited for %s', async timeout => {
        await expect(database.query(`call embed_prompt('patience', ${timeout})`)).rejects.toMatchObject({
          code: 'USAGE',
          message: expect.stringContaining('timeout expects an interval up to an hour'),
        })
      })
    }
  })
})
