import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readJudgedFile } from '../../src/evaluation/judged-file.js'

describe('a file of judgements', () => {
  const { signal } = new AbortController()
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'uc-judged-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const read = async (content: string | Buffer) => {
    const file = join(folder, 'judged.csv')
    await writeFile(file, content)
    const { judged, ...bad } = await readJudgedFile(file, signal)
    return {
      judged: Object.fromEntries([...judged].map(([query, photos]) => [query, Object.fromEntries(photos)])),
      ...bad,
    }
  }

  test('has a query, a photo and a grade per row', async () => {
    expect(await read('query,photo_id,grade\na dog,p1,2\na dog,p2,0.5\n"a cat, asleep",p1,1\n')).toEqual({
      judged: { 'a dog': { p1: 2, p2: 0.5 }, 'a cat, asleep': { p1: 1 } },
      badRows: 0,
      firstBad: null,
    })
  })

  test('may have tabs, no grades, other columns and names, CRLF, a byte order mark, and be compressed', async () => {
    const text = '\uFEFFconverted_at\tKeyword\tphoto_id\r\n2020\tdog \tp1\r\n2021\tdog\tp1\r\n2021\tdog\t-p2\r\n'
    const expected = { judged: { dog: { p1: 1, '-p2': 1 } }, badRows: 0, firstBad: null }
    expect(await read(text)).toEqual(expected)
    expect(await read(gzipSync(text))).toEqual(expected)
  })

  test('keeps queries without a relevant photo, and the higher of two grades', async () => {
    const { judged } = await read('query,photo_id,rel\nnothing,p1,0\nnothing,p2,-1\ndog,p1,1\ndog,p1,3\ndog,p1,2\n')
    expect(judged).toEqual({ nothing: {}, dog: { p1: 3 } })
  })

  test('loses only its bad rows', async () => {
    const rows = ['dog,p1,1', 'dog', ',p1,1', 'dog,no id,1', 'dog,p2,high', '"dog,p3,1', 'dog,p4,1']
    const { judged, badRows, firstBad } = await read(['query,photo_id,grade', ...rows].join('\n'))
    expect(judged).toEqual({ dog: { p1: 1, p4: 1 } })
    expect(badRows).toBe(5)
    expect(firstBad).toBe('line 3: WRONG_COLUMN_COUNT: 1 fields instead of 3, beginning with "dog"')
  })

  test.each([
    ['', 'INPUT_COLUMNS_MISSING'],
    ['words,photo_id\na,b\n', 'INPUT_COLUMNS_MISSING'],
    ['query;photo_id\na;b\n', 'INPUT_COLUMNS_MISSING'],
  ])('needs a header: %j', async (content, code) => {
    await expect(read(content)).rejects.toMatchObject({ code, message: expect.stringContaining('commas or tabs') })
  })

  test('must be there, and be a file', async () => {
    for (const path of [join(folder, 'none.csv'), folder])
      await expect(readJudgedFile(path, signal)).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' })
  })
})
