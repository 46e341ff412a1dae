import { expect, test } from 'vitest'
import { parseWords, withWords } from '../../web/src/state/query-words.js'
import { EMPTY } from '../../web/src/state/search-state.js'
import {
  duplicatesPath,
  fileText,
  leftOf,
  readLeast,
  sizeText,
} from '../../web/src/views/duplicates/duplicate-texts.js'
import {
  originText,
  percent,
  photosPath,
  precisionText,
  readSamplesPath,
  samplesPath,
} from '../../web/src/views/labels/label-texts.js'

const parameters = (path: string) => new URL(path, 'http://localhost').searchParams

test('a precision is told with its interval', () => {
  const precision = { checked: 32, correct: 30, precision: 0.9375, low: 0.7985, high: 0.9827 }
  expect(precisionText(precision)).toBe('32 checked, 94 % right (80–98 %)')
  expect(precisionText(null)).toBe('Not checked yet')
  expect([0, 0.001, 0.5, 1].map(percent)).toEqual(['0 %', '< 1 %', '50 %', '100 %'])
})

test('a label set says where its labels come from', () => {
  const set = { name: 'a', template: 'A photo of {label}', labels: ['x', 'y'], training: null, clustering: null }
  expect(originText(set)).toBe('Prompt: “A photo of {label}”')
  expect(originText({ ...set, training: { kind: 'classified', examples: {}, column: 'exif_iso:200' } })).toBe(
    'Learnt from exif_iso:200',
  )
  expect(originText({ ...set, training: { kind: 'taught', examples: { x: 10, y: 1200 } } })).toBe(
    'Taught with photos: 10 x, 1,200 y',
  )
  expect(originText({ ...set, clustering: { method: 'kmeans', k: 8 } })).toBe(
    'Clusters by k-means, k = 8, named by words',
  )
  expect(originText({ ...set, clustering: { method: 'hdbscan', minSize: 10 } })).toBe(
    'Clusters by HDBSCAN, at least 10 photos each, named by words',
  )
})

test('the address of samples says which ones', () => {
  expect(samplesPath('taken_time')).toBe('/labels/taken_time')
  expect(readSamplesPath(parameters(samplesPath('a', 'doubtful', 3)))).toEqual({ order: 'doubtful', round: 3 })
  expect(readSamplesPath(parameters(samplesPath('a', 'typical')))).toEqual({ order: 'typical', round: 0 })
  expect(readSamplesPath(parameters('/labels/a?order=best&seed=-1'))).toEqual({ order: 'random', round: 0 })
  expect(photosPath('taken_time', 'at night')).toBe('/search?label=taken_time%3Dat+night')
})

test('signed words go towards and away; hyphens are part of a word', () => {
  expect(parseWords('a beach +at night -people walking')).toEqual({
    words: 'a beach',
    plus: ['at night'],
    minus: ['people walking'],
  })
  expect(parseWords('−people')).toEqual({ words: '', plus: [], minus: ['people'] })
  for (const words of ['black-and-white', 'C++', 'snow - night', 'a + b', '--', '-'])
    expect(parseWords(words)).toEqual({ words, plus: [], minus: [] })
  const state = { ...EMPTY, words: 'snow', plus: ['fog'], cut: 0.3 }
  expect(withWords(state, 'ice -fog +dog')).toEqual({ ...EMPTY, words: 'ice', plus: ['dog'], minus: ['fog'] })
})

test('duplicates are told apart by size and file', () => {
  const photo = (changes: object) => changes as never
  expect(sizeText(photo({ photo_width: 6000, photo_height: 4000 }))).toBe('6000 × 4000 (24 MP)')
  expect(sizeText(photo({ photo_width: 600, photo_height: null }))).toBeNull()
  expect(fileText(photo({ photo_image_url: 'file:///a/b%20c.jpg' }))).toBe('b c.jpg')
  expect(fileText(photo({ photo_image_url: 'https://a.example/b.jpg' }))).toBeNull()
  expect([undefined, '0.97', '2', 'x'].map(least => readLeast(new URLSearchParams(least && { least })))).toEqual([
    0.95, 0.97, 0.95, 0.95,
  ])
  expect([duplicatesPath(0.95), duplicatesPath(0.9)]).toEqual(['/duplicates', '/duplicates?least=0.9'])
  const members = ['a', 'b'].map(photo_id => ({ photo_id, score: 1 }))
  expect(leftOf({ representative_id: 'a', members }, new Set(['a']))).toEqual([members[1]])
})
