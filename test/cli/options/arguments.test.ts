import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { realNumber, wholeNumber } from '../../../src/cli/options/arguments.js'
import { readPhotoList } from '../../../src/cli/options/filter-arguments.js'
import { keywordFilter, labelFilter, nearFilter } from '../../../src/domain/where/written-filters.js'

describe('--label', () => {
  test.each([
    ['taken_time=night', { set: 'taken_time', label: 'night' }],
    ['taken_time=night:0.5', { set: 'taken_time', label: 'night', minScore: 0.5 }],
    ['taken_time=night:1.2e-5', { set: 'taken_time', label: 'night', minScore: 0.000012 }],
    ['mood=calm and quiet', { set: 'mood', label: 'calm and quiet' }],
    ['ratio=16:9', { set: 'ratio', label: '16:9' }],
  ])('reads %s', (text, expected) => expect(labelFilter(text, '--label')).toEqual(expected))

  test.each(['night', '=night', 'taken_time=', ''])('refuses %j and shows how it looks', text =>
    expect(() => labelFilter(text, '--label')).toThrow('SET=LABEL'),
  )
})

describe('the other conditions', () => {
  test.each([
    [nearFilter('60.39, 5.32,50', '--near'), { near: { latitude: 60.39, longitude: 5.32, km: 50 } }],
    [nearFilter('-33.9,-70,0.5', '--near'), { near: { latitude: -33.9, longitude: -70, km: 0.5 } }],
    [keywordFilter('dog'), { keyword: 'dog' }],
    [keywordFilter('dog:50.5'), { keyword: 'dog', min_confidence: 50.5 }],
    [keywordFilter('ratio 16:9 format'), { keyword: 'ratio 16:9 format' }],
  ])('are read as what the database takes', (filter, expected) => expect(filter).toEqual(expected))

  test.each(['60,5', '60,5,50,1', 'a,b,c', '60,5,', ',,'])('--near refuses %j and shows how it looks', text =>
    expect(() => nearFilter(text, '--near')).toThrow(
      '--near expects LATITUDE,LONGITUDE,KM (for example 60.39,5.32,50)',
    ),
  )

  test('a list of photos is read line by line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-list-'))
    const file = join(folder, 'ids.txt')
    await writeFile(file, 'iflUHY8zMYc\r\n\n -N_UwPdUs7E\n')
    expect(await readPhotoList(file)).toEqual({ photos: ['iflUHY8zMYc', '-N_UwPdUs7E'] })
    await writeFile(file, 'iflUHY8zMYc\nhttps://images.example/a.jpg\n')
    await expect(readPhotoList(file)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('line 2: "https://images.example/a.jpg"'),
    })
    await expect(readPhotoList(join(folder, 'none.txt'))).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' })
    await rm(folder, { recursive: true })
  })
})

test('numbers are in range', () => {
  const parse = realNumber(-1, 1)
  expect(parse('-0.25')).toBe(-0.25)
  for (const wrong of ['1.1', '-2', 'x', '', ' ', 'NaN']) expect(() => parse(wrong)).toThrow('from -1 to 1')
})

test('whole numbers are whole and in range', () => {
  const parse = wholeNumber(1, 10)
  expect(parse('7')).toBe(7)
  for (const wrong of ['0', '11', '1.5', 'x', '']) expect(() => parse(wrong)).toThrow('from 1 to 10')
})
