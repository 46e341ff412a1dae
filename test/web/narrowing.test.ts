import { expect, test } from 'vitest'
import type { Found } from '../../web/src/api/found.js'
import { facetPlans } from '../../web/src/state/facet-plan.js'
import { EMPTY, parseState, searchPath, withOpened } from '../../web/src/state/search-state.js'
import { shownPhotos } from '../../web/src/state/shown-photos.js'
import { isWithin, monthBars, openYear, periodBetween, yearBars } from '../../web/src/views/results/overview/periods.js'
import { countText } from '../../web/src/views/results/result-texts.js'

const read = (query: string) => parseState(new URLSearchParams(query))
const photos = (...ids: string[]) => ids.map((photo_id, i) => ({ photo_id, score: 1 - i / 10 }) as Found)
const ids = (found: readonly Found[]) => found.map(({ photo_id }) => photo_id)

test('a facet is counted without its own values where they exclude each other, and with all others', () => {
  const plans = facetPlans(read('q=x&country=Norway&keyword=snow&label=time%3Dnight&label=kind%3Ddog'), [
    'time',
    'kind',
    'country',
    'year',
    'keyword',
  ])
  expect(plans.map(({ state, names }) => [searchPath(state), names])).toEqual([
    ['/search?q=x&label=kind%3Ddog&country=Norway&keyword=snow', ['time']],
    ['/search?q=x&label=time%3Dnight&country=Norway&keyword=snow', ['kind']],
    ['/search?q=x&label=time%3Dnight&label=kind%3Ddog&keyword=snow', ['country']],
    ['/search?q=x&label=time%3Dnight&label=kind%3Ddog&country=Norway&keyword=snow', ['year', 'keyword']],
  ])
})

test('near duplicates are hidden behind the photo that stands for them until they are asked for', () => {
  const all = photos('a', 'b', 'a2', 'c', 'a3', 'c2')
  const of = new Map([
    ['a2', 'a'],
    ['a3', 'a'],
    ['c2', 'c'],
  ])
  const shown = shownPhotos(all, of, EMPTY, true)
  expect([ids(shown.photos), shown.hidden, shown.isComplete]).toEqual([['a', 'b', 'c'], 3, true])
  expect(ids(shown.duplicates.get('a')!)).toEqual(['a2', 'a3'])
  const opened = shownPhotos(all, of, withOpened(EMPTY, 'a'), true)
  expect([ids(opened.photos), opened.hidden]).toEqual([['a', 'a2', 'a3', 'b', 'c'], 1])
  expect(ids(shownPhotos(all, of, { ...EMPTY, showsDuplicates: true }, true).photos)).toEqual(ids(all))
  expect(withOpened(withOpened(EMPTY, 'a'), 'a')).toEqual(EMPTY)
})

test('a near duplicate is shown where the photo that stands for it is too weak', () => {
  const all = photos('weak', 'strong').reverse()
  all[0]!.score = 0.9
  all[1]!.score = 0.1
  expect(ids(shownPhotos(all, new Map([['strong', 'weak']]), { ...EMPTY, cut: 0.5 }, true).photos)).toEqual(['strong'])
})

test('a least relevance ends the list at the first weaker hit, in a corrected order after many of them', () => {
  const choice = { ...EMPTY, cut: 0.5 }
  const hits = (scores: number[], correction: number | null) =>
    scores.map((score, i) => ({ photo_id: `p${i}`, score, correction }) as Found)
  const shown = (found: Found[]) => {
    const { photos, isComplete } = shownPhotos(found, new Map(), choice, false)
    return [photos.length, isComplete]
  }
  expect(shown(hits([0.9, 0.4], null))).toEqual([1, true])
  expect(shown(hits([0.9, 0.4, 0.6], 0.1))).toEqual([2, false])
  expect(shown(hits([0.9, ...Array(60).fill(0.4)], 0.1))).toEqual([1, true])
})

test('the count names what is hidden', () => {
  expect(countText(1, 0, true)).toBe('1 photo')
  expect(countText(1, 1, true)).toBe('2 photos, 1 near duplicate hidden')
  expect(countText(1200, 34, false)).toBe('1,234+ photos, 34 near duplicates hidden')
})

test('bars are all years from the first to the last, and the months of one year', () => {
  const months = [
    { value: '2015-03', photos: 2 },
    { value: '2015-11', photos: 1 },
    { value: '2017-01', photos: 4 },
  ]
  expect(yearBars(months)).toEqual([
    { value: '2015', photos: 3 },
    { value: '2016', photos: 0 },
    { value: '2017', photos: 4 },
  ])
  expect(yearBars([{ value: '0201-01', photos: 1 }, ...months]).map(({ value }) => value)).toEqual([
    '0201',
    '2015',
    '2017',
  ])
  expect(yearBars([])).toEqual([])
  expect(monthBars(months, '2015').map(({ photos: count }) => count)).toEqual([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0])
})

test('the months of the chosen year are shown, or those of the only one', () => {
  const years = yearBars([
    { value: '2015-03', photos: 2 },
    { value: '2016-03', photos: 2 },
  ])
  expect(openYear(undefined, years)).toBeNull()
  expect(openYear(undefined, years.slice(0, 1))).toBe('2015')
  expect(openYear('2016-03', years)).toBe('2016')
  expect(openYear('2015..2016', years)).toBeNull()
})

test('a bar is chosen when it has days in the period', () => {
  const chosen = (value: string, periods: string[]) => periods.filter(period => isWithin(value, period))
  expect(chosen('2016', ['2016', '2016-05', '2015..2017', '2016-12..2017-01', '2017', 'soon'])).toEqual([
    '2016',
    '2016-05',
    '2015..2017',
    '2016-12..2017-01',
  ])
  expect(chosen('2016-12', ['2016', '2016-12-31', '2015-11..2016', '2016-12..2017-01', '2016-11'])).toEqual([
    '2016',
    '2016-12-31',
    '2015-11..2016',
    '2016-12..2017-01',
  ])
  expect(periodBetween('2017', '2015')).toBe('2015..2017')
  expect(periodBetween('2017', '2017')).toBe('2017')
})
