import { afterAll, beforeAll, expect, test } from 'vitest'
import { PhotoError } from '../../src/domain/errors.js'
import { clipInput } from '../../src/domain/image-input.js'
import { preprocess } from '../../src/images/decode.js'
import { GuardedFetcher } from '../../src/net/fetch.js'
import { type DownloadOptions, download } from '../../src/workers/stages/download.js'
import { type BadCorpus, type CorpusCase, startBadCorpus } from '../support/images/bad-corpus.js'
import { until } from '../support/until.js'

let corpus: BadCorpus
let fetcher: GuardedFetcher
let options: DownloadOptions

beforeAll(async () => {
  corpus = await startBadCorpus()
  fetcher = new GuardedFetcher({
    ...corpus.limits,
    allowHosts: corpus.allowHosts,
    concurrency: 16,
    hostConcurrency: 16,
    userAgent: 'unsplash-clip/test',
  })
  options = { fetcher, allowFolders: [], maxBytes: corpus.limits.maxBytes }
})
afterAll(async () => {
  await fetcher.close()
  await corpus.close()
})

async function outcome({ url }: Pick<CorpusCase, 'url'>): Promise<string> {
  try {
    const { image } = await download({ url }, options)
    const square = await preprocess(image!, {
      input: clipInput(224),
      maxPixels: corpus.limits.maxPixels,
    })
    return square.length === 224 * 224 * 3 ? 'ok' : `${square.length} bytes`
  } catch (error) {
    return error instanceof PhotoError ? error.code : `not a PhotoError: ${error}`
  }
}

const outcomes = async (cases: CorpusCase[]) =>
  Object.fromEntries(await Promise.all(cases.map(async each => [each.id, await outcome(each)] as const)))
const expected = (cases: CorpusCase[], code: 'code' | 'firstCode') =>
  Object.fromEntries(cases.map(each => [each.id, each[code]]))

test('Every bad image and misbehaving server ends in the code that says why', async () => {
  expect(corpus.cases.filter(each => each.code !== 'ok').length).toBeGreaterThanOrEqual(30)
  expect(await outcomes(corpus.cases)).toEqual(expected(corpus.cases, 'firstCode'))

  const recovering = corpus.cases.filter(each => each.code !== each.firstCode)
  expect(recovering.length).toBeGreaterThan(0)
  expect(await outcomes(recovering)).toEqual(expected(recovering, 'code'))

  expect(corpus.forbiddenRequests()).toBe(0)
  const sound = corpus.cases.find(each => each.id === 'ok-jpeg')!
  expect(await outcome(sound)).toBe('ok')
})

test('No connection is left open afterwards', async () => {
  await fetcher.close()
  await until('every connection to be closed', () => corpus.connections() === 0, 5000)
})
