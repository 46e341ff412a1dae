import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { barePhoto, DATASET_COLUMNS } from '../../src/domain/photo.js'
import { type Finished, Sandbox } from '../support/cli.js'
import { type BadCorpus, startBadCorpus } from '../support/images/bad-corpus.js'

const MINUTE = 60_000

const OUTCOMES = `
  select p.photo_id, coalesce(f.code, case when e.stored_key is not null then 'ok' else 'nothing' end) as found
  from photos p left join failures f using (photo_id) left join embeddings e using (photo_id)`

let corpus: BadCorpus
let sandbox: Sandbox
let run: Finished

beforeAll(async () => {
  corpus = await startBadCorpus()
  sandbox = await Sandbox.create({ ...corpus.settings, MAX_ATTEMPTS: '3', RETRY_BASE_MS: '200' })
  const columns = Object.keys(DATASET_COLUMNS) as (keyof typeof DATASET_COLUMNS)[]
  const rows = corpus.cases.map(({ id, url }) => {
    const photo = barePhoto(id, url)
    return columns.map(column => photo[column] ?? '').join('\t')
  })
  const tsv = join(sandbox.home, 'photos.tsv000')
  await writeFile(tsv, `${[columns.join('\t'), ...rows].join('\n')}\n`)
  run = await sandbox.run('ingest', tsv, '--processes', '2', '--json')
}, 6 * MINUTE)

afterAll(async () => {
  await sandbox.close()
  await corpus.close()
})

test('a corpus of bad images and misbehaving servers ends the run with exit code 3', () => {
  expect(corpus.cases.length).toBeGreaterThanOrEqual(30)
  expect(run.code).toBe(3)
})

test('every photo of it has its expected code, and the good ones are embedded and copied', {
  timeout: 4 * MINUTE,
}, async () => {
  const [read] = run.objects() as [{ badRowExamples: { line: number }[]; badRows: number }]
  const refused = corpus.cases.filter(({ url }) => !/^https?:\/\//i.test(url.trim()))
  expect(read.badRows).toBe(refused.length)

  const client = new Client({ connectionString: (await sandbox.run('db', 'url')).stdout.trim() })
  await client.connect()
  const { rows } = await client.query<{ photo_id: string; found: string }>(OUTCOMES)
  await client.end()
  const found = Object.fromEntries(rows.map(row => [row.photo_id, row.found]))
  const expected = Object.fromEntries(
    corpus.cases.filter(({ id }) => !refused.some(other => other.id === id)).map(({ id, code }) => [id, code]),
  )
  expect(found).toEqual(expected)
})

test('nothing reached a server that must not be reached', () => {
  expect(corpus.forbiddenRequests()).toBe(0)
})

test('status shows the failures grouped by code, with exit code 3', async () => {
  const { code, stdout } = await sandbox.run('status')
  expect(code).toBe(3)
  for (const failure of ['HTTP_404', 'NOT_AN_IMAGE', 'TOO_LARGE', 'TOO_MANY_PIXELS', 'HOST_FORBIDDEN'])
    expect(stdout).toContain(failure)
})

test('--retry-failed enqueues the photos with one code again, and only those', { timeout: 4 * MINUTE }, async () => {
  const gone = corpus.cases.filter(({ code }) => code === 'HTTP_410').length
  const again = await sandbox.run('ingest', '--retry-failed', 'HTTP_410', '--processes', '1', '--json')
  expect(again.code).toBe(3)
  expect(again.objects()[0]).toMatchObject({ enqueuedPhotos: gone })
  expect(again.objects()[1]).toMatchObject({ photos: gone, done: 0, failed: gone })
})
