import fc from 'fast-check'
import { expect, test } from 'vitest'
import { moved } from '../../web/src/components/grid/grid-moves.js'
import { justifiedRows, shownRatio } from '../../web/src/components/grid/justified-rows.js'
import { altText, averageColour } from '../../web/src/components/grid/photo-text.js'

const OPTIONS = { width: 1200, target: 240, gap: 8, isComplete: true }
const ratios = fc.array(fc.double({ min: 0.5, max: 3, noNaN: true }), { maxLength: 80 })
const widths = fc.integer({ min: 288, max: 3800 })

test('rows hold every photo once, in order, and fill the width', () => {
  fc.assert(
    fc.property(ratios, widths, (photos, width) => {
      const rows = justifiedRows(photos, { ...OPTIONS, width })
      expect(rows.flatMap(({ start, end }) => photos.slice(start, end))).toEqual(photos)
      for (const [i, { start, end, height }] of rows.entries()) {
        const sum = photos.slice(start, end).reduce((a, b) => a + b, 0)
        const taken = sum * height + 8 * (end - start - 1)
        if (i < rows.length - 1) expect(taken).toBeCloseTo(width, 6)
        else expect(taken).toBeLessThanOrEqual(width + 1e-6)
        expect(height).toBeLessThan(2 * 240)
      }
    }),
  )
})

test('rows that are shown do not change when more photos arrive', () => {
  fc.assert(
    fc.property(ratios, ratios, widths, (first, more, width) => {
      const before = justifiedRows(first, { ...OPTIONS, width, isComplete: false })
      const after = justifiedRows([...first, ...more], { ...OPTIONS, width, isComplete: false })
      expect(after.slice(0, before.length)).toEqual(before)
    }),
  )
})

test('a last row that is not full waits for more photos', () => {
  expect(justifiedRows([1.5], { ...OPTIONS, isComplete: false })).toEqual([])
  expect(justifiedRows([1.5], OPTIONS)).toEqual([{ start: 0, end: 1, height: 240 }])
})

test('panoramas are cut, and photos of unknown size are 3 to 2', () => {
  expect(shownRatio(9000, 1000)).toBe(3)
  expect(shownRatio(100, 1000)).toBe(0.5)
  expect(shownRatio(null, null)).toBe(1.5)
})

test('arrow keys lead to the photo beside, and to the nearest of the next row', () => {
  const photos = [1, 1, 1, 2, 1]
  const rows = [
    { start: 0, end: 3, height: 1 },
    { start: 3, end: 5, height: 1 },
  ]
  const go = (move: Parameters<typeof moved>[0], from: number) => moved(move, from, rows, photos)
  expect([go('left', 0), go('left', 3), go('right', 2), go('right', 4)]).toEqual([0, 2, 3, 4])
  expect([go('down', 0), go('down', 2), go('down', 4), go('up', 4), go('up', 0)]).toEqual([3, 4, 4, 2, 0])
  expect([go('first', 4), go('last', 0)]).toEqual([0, 4])
})

test('a photo is described by its texts, else by its labels', () => {
  const photo = { photo_title: null, photo_description: null, ai_description: 'a dog' } as never
  expect(altText({ photo, labels: {} })).toBe('a dog')
  const bare = { photo_title: null, photo_description: null, ai_description: null } as never
  expect(altText({ photo: bare, labels: { time: { label: 'night', score: 1 } } })).toBe('Photo: night')
  expect(altText({ photo: bare, labels: {} })).toBe('Photo without a description')
})

test('the placeholder has the average colour of the BlurHash', () => {
  expect(averageColour('LEHV6nWB2yk8pyo0adR*.7kCMdnj')).toBe('#979695')
  for (const none of [null, '', 'LE', 'LE    ', 7]) expect(averageColour(none)).toBeNull()
})
