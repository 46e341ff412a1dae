import { expect, test } from 'vitest'
import { largestJpeg } from '../../../src/images/formats/raw-preview.js'

/** Start, frame and scan header of a grey JPEG; what follows is its data. */
function jpegStart(width: number, height: number): Buffer {
  const start = Buffer.from(`ffd8${'ffc0000b080000000001011100'}${'ffda0008010100003f00'}`, 'hex')
  start.writeUInt16BE(height, 7)
  start.writeUInt16BE(width, 9)
  return start
}

const END = Buffer.from('ffd9', 'hex')
const starts = (count: number) => Array.from({ length: count }, (_, i) => jpegStart(1000 + i, 1000))
const noise = Buffer.alloc(4 << 20, 0xff)

test('Thousands of starts without an end cost one search', () => {
  expect(largestJpeg(Buffer.concat([Buffer.from('IIRO'), ...starts(2000), noise]))).toBeNull()
}, 10_000)

test('Thousands of starts share the end that follows them', () => {
  const found = largestJpeg(Buffer.concat([Buffer.from('IIRO'), ...starts(1999), noise, END]))
  expect(found).toMatchObject({ width: 2998, height: 1000 })
}, 10_000)

test('A picture that is cut short does not hide the smaller one inside it', () => {
  const thumbnail = Buffer.concat([jpegStart(320, 240), Buffer.alloc(50, 7), END])
  const segment = Buffer.from('ffe10000', 'hex')
  segment.writeUInt16BE(2 + thumbnail.length, 2)
  const large = jpegStart(4000, 3000)
  const file = Buffer.concat([large.subarray(0, 2), segment, thumbnail, large.subarray(2), Buffer.alloc(99, 7)])
  expect(largestJpeg(file)).toEqual({ jpeg: thumbnail, width: 320, height: 240 })
})
