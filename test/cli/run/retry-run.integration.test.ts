import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'

let sandbox: Sandbox
let failed: string

beforeAll(async () => {
  sandbox = await Sandbox.create({ LABEL_SETS: 'taken_time', RETRY_BASE_MS: '1' })
  const list = join(sandbox.home, 'urls.txt')
  // Addresses of this machine are refused for good.
  await writeFile(list, Array.from({ length: 3 }, (_, i) => `http://127.0.0.1:9/${i}.jpg`).join('\n'))
  const [ended] = (await sandbox.run('ingest', list, '--priority', 'high', '--processes', '1', '--json')).objects()
  failed = ended!.run as string
})
afterAll(() => sandbox?.close())

const retry = (...args: string[]) => sandbox.run('run', 'retry', ...args)
const shown = async (id: string) => (await sandbox.run('run', 'show', id, '--json')).objects()[0]

test('run retry enqueues the failed photos of a run again, as a run with its model, labels and priority', async () => {
  expect(await shown(failed)).toMatchObject({ failed: 3, failures: [{ code: 'HOST_FORBIDDEN' }] })
  const { stdout, code } = await retry(failed, '--code', 'TIMEOUT')
  expect([code, stdout]).toEqual([
    0,
    `Run ${failed} has no failed photo (TIMEOUT). Codes of its failures: HOST_FORBIDDEN. Nothing changed.\n`,
  ])
  const [again] = (await retry(failed, '--code', 'HOST_FORBIDDEN', '--json')).objects()
  expect(again).toEqual({ run: expect.any(String), of: failed, photos: 3 })
  expect(await shown(again!.run as string)).toMatchObject({
    ...{ state: 'waiting for workers', modelKey: 'demo@fp32', priority: 'high', photos: 3, waiting: 3 },
    labelSets: [{ name: 'taken_time' }],
  })
})

test('run retry refuses a code that no failure can have, and an unknown run', async () => {
  const wrong = await retry(failed, '--code', 'BROKEN')
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/^USAGE: --code expects one of .*"BROKEN"/)])
  const unknown = await retry('nobody')
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('NOT_FOUND: Expected a run')])
})
