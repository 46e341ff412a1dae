import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseWhere } from '../../src/domain/where/parse-where.js'
import { PAGE_PATHS } from '../../src/http/page/page-paths.js'
import { matchPath, VIEW_PATHS } from '../../web/src/app/paths.js'
import { FILTER_KINDS, wrongValues } from '../../web/src/state/filters.js'
import { conditionParameters, searchRequest } from '../../web/src/state/search-query.js'
import {
  added,
  EMPTY,
  hasSubject,
  parseState,
  type SearchState,
  searchPath,
  toggled,
} from '../../web/src/state/search-state.js'
import { textOfVector, vectorOfText } from '../../web/src/state/vector-text.js'
import { countText, orderText } from '../../web/src/views/results/result-texts.js'

const read = (path: string) => parseState(new URL(path, 'http://localhost').searchParams)
const conditions = (query: string) => conditionParameters(read(`/search?${query}`))

test('the server serves the page at the path of every view, and at no other', () => {
  expect([...VIEW_PATHS]).toEqual([...PAGE_PATHS])
  expect(matchPath('/photos/a%20b')).toEqual({ view: '/photos/:id', parameters: { id: 'a b' } })
  for (const path of ['/photos/', '/photos', '/photos/a/b', '/photos/%E0%A4%A', '/runs/', '/else'])
    expect(matchPath(path)).toBeNull()
})

test('an address reproduces its state', () => {
  const text = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }).filter(it => it.trim() !== '')
  const list = fc.uniqueArray(text, { maxLength: 4 })
  const states: fc.Arbitrary<SearchState> = fc.record({
    words: text.map(it => it.trim()),
    plus: list,
    minus: list,
    like: list,
    unlike: list,
    pictures: list,
    filters: fc.dictionary(
      fc.constantFrom('label', 'country', 'time', 'folder'),
      list.filter(it => it.length > 0),
    ),
    order: fc.constantFrom('relevance', 'newest', 'oldest'),
    relevant: fc.boolean(),
    cut: fc.option(fc.integer({ min: -1000, max: 1000 }).map(it => it / 1000)),
    showsScores: fc.boolean(),
    showsDuplicates: fc.boolean(),
    opened: list,
    showsMap: fc.boolean(),
    showsFilters: fc.boolean(),
  })
  fc.assert(
    fc.property(states, state => {
      expect(read(searchPath(state))).toEqual(state)
    }),
  )
})

test('an address that was damaged shows what is left of it', () => {
  expect(read('/search?cut=much&sort=best&like=&q=%20')).toEqual(EMPTY)
  expect(hasSubject(read('/search?country=Norway'))).toBe(false)
  expect(
    read(`/search?${'plus=a&'.repeat(5)}${Array.from({ length: 50 }, (_, i) => `minus=${i}`).join('&')}`),
  ).toMatchObject({
    plus: ['a'],
    minus: { length: 20 },
  })
})

test('a word or photo is searched for or against, never both', () => {
  const state = added(added(EMPTY, 'plus', 'snow'), 'minus', 'snow')
  expect(state).toMatchObject({ plus: [], minus: ['snow'] })
  expect(added(added(EMPTY, 'unlike', 'a'), 'like', 'a')).toMatchObject({ like: ['a'], unlike: [] })
})

test('a filter of one value replaces it, others collect values, and the same value again takes it away', () => {
  expect(toggled(toggled(EMPTY, 'time', '2016', false), 'time', '2017', false).filters).toEqual({ time: ['2017'] })
  const both = toggled(toggled(EMPTY, 'country', 'Norway', true), 'country', 'Japan', true)
  expect(both.filters).toEqual({ country: ['Norway', 'Japan'] })
  expect(toggled(toggled(both, 'country', 'Norway', true), 'country', 'Japan', true).filters).toEqual({})
})

test('words alone are one subject, everything else a combination', () => {
  expect(searchRequest(read('/search?q=a+dog'))).toMatchObject({ words: 'a dog' })
  expect(searchRequest(read('/search?like=abc'))).toMatchObject({ photo: 'abc' })
  expect(searchRequest(read('/search?q=a+dog&minus=snow&like=abc')).parts).toEqual([
    { words: 'a dog' },
    { photo: 'abc' },
    { words: 'snow', weight: -2 },
  ])
  expect(searchRequest(read('/search?unlike=abc')).parts).toEqual([{ photo: 'abc', weight: -0.5 }])
})

test('filters become conditions that the API understands', () => {
  const query =
    'label=time%3Dnight%3A0.5&time=2016-12..2017-02&country=Norway&country=Japan&iso=101+to+200&featured=true&near=60.4,5.3,50&orientation=portrait'
  expect(conditions(query)).toEqual({
    label: ['time=night:0.5'],
    where: [
      'photo_submitted_at>=2016-12-01',
      'photo_submitted_at<2017-03-01',
      'photo_location_country in Norway|Japan',
      'exif_iso>=101',
      'exif_iso<=200',
      'photo_featured=true',
    ],
    orientation: 'portrait',
    near: '60.4,5.3,50',
  })
  expect(conditions(query).where?.flatMap(parseWhere)).toHaveLength(6)
  expect(conditions('time=2016-12-31').where).toEqual([
    'photo_submitted_at>=2016-12-31',
    'photo_submitted_at<2017-01-01',
  ])
  expect(conditions('country=A%7CB').where).toEqual(['photo_location_country=A|B'])
  expect(conditions('iso=over+6400&time=soon&near=here&label=none').where).toEqual(['exif_iso>6400'])
  expect(searchRequest(read('/search?q=x&label=time%3Dnight%3A0.5'))).toMatchObject({
    labels: [{ set: 'time', label: 'night', min_score: 0.5 }],
  })
})

test('values of filters that mean nothing restrict nothing, and what they should be is said', () => {
  const wrong = (query: string) => wrongValues(read(`/search?${query}`).filters).map(({ value }) => value)
  const bad = [
    ...['time=soon', 'time=2017-13', 'time=2017-02-30', 'time=0000', 'iso=much', 'iso=over+99999999999', 'near=here'],
    ...['near=91,0,1', 'near=0,181,1', 'near=0,0,30000', 'featured=yes', 'orientation=round', 'label=none'],
    `country=${'x'.repeat(1001)}`,
  ]
  for (const query of bad) {
    expect(wrong(query), query).toHaveLength(1)
    expect(conditions(query), query).toEqual({})
  }
  expect(wrong('time=2016-02-29..2017&iso=up+to+100&near=-90,180,0&featured=false&label=a%3Db&keyword=x')).toEqual([])
  for (const { expected, title } of FILTER_KINDS) expect(expected?.text, title).not.toBe('')
})

test('the number of photos of a search says in which order they come', () => {
  const text = (path: string, leavesOut = false) => countText(60, 2, true, orderText(read(path), leavesOut))
  expect(text('/search?country=Norway&sort=oldest')).toBe('62 photos, 2 near duplicates hidden')
  expect(text('/search?q=snow')).toBe('62 photos by relevance, 2 near duplicates hidden')
  expect(text('/search?q=snow&cut=0.2')).toBe('62 photos, 2 near duplicates hidden')
  expect(text('/search?q=snow&sort=newest')).toBe('62 photos, newest first, 2 near duplicates hidden')
  expect(text('/search?q=snow&sort=oldest', true)).toBe(
    '62 photos, the most relevant ones, oldest first, 2 near duplicates hidden',
  )
})

test('the text of a vector keeps its direction', () => {
  fc.assert(
    fc.property(fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 64, maxLength: 768 }), vector => {
      fc.pre(Math.hypot(...vector) > 0.1)
      const back = vectorOfText(textOfVector(vector))
      const dot = back.reduce((sum, value, i) => sum + value * vector[i]!, 0)
      expect(dot / Math.hypot(...back) / Math.hypot(...vector)).toBeGreaterThan(0.9995)
    }),
  )
  expect(vectorOfText('%')).toEqual([])
})
