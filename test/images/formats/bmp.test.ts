import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bmpHeader, decodeBmp } from '../../../src/images/formats/bmp.js'

interface Fixture {
  name: string
  /** Base64. */
  bmp: string
  /** What Pillow sees: RGB, row by row, in base64. */
  rgb: string
}

const FIXTURES = JSON.parse(readFileSync('test/images/formats/bmp-fixtures.json', 'utf8')) as Fixture[]
const fixture = (name: string) => Buffer.from(FIXTURES.find(each => each.name === name)!.bmp, 'base64')

function decoded(bmp: Buffer): Buffer {
  const header = bmpHeader(bmp)
  const rgb = Buffer.alloc(header.width * header.height * 3)
  decodeBmp(bmp, header, rgb)
  return rgb
}

test.each(FIXTURES)('A BMP has the pixels that Pillow sees: $name', ({ bmp, rgb }) => {
  expect(decoded(Buffer.from(bmp, 'base64')).toString('base64')).toBe(rgb)
})

test('Compressed pixels that are left out have the first colour', () => {
  const bmp = fixture('8 bits, RLE with jumps')
  const at = bmp.readUInt32LE(10)
  // An empty row, two pixels, the end.
  const rgb = decoded(Buffer.concat([bmp.subarray(0, at), Buffer.from('0000020700000001', 'hex')]))
  const colour = (index: number) => [...bmp.subarray(54 + 4 * index, 54 + 4 * index + 3)].reverse()
  const [first, seventh] = [colour(0), colour(7)]
  const row = 21 * 3
  expect([...rgb.subarray(7 * row, 7 * row + 9)]).toEqual([...seventh, ...seventh, ...first])
  const rest = Buffer.concat([rgb.subarray(0, 7 * row), rgb.subarray(7 * row + 6)])
  expect(rest.equals(Buffer.from(Array.from({ length: rest.length / 3 }, () => first).flat()))).toBe(true)
})

test('An index without a colour is black', () => {
  const bmp = fixture('8 bits, 7 colours')
  bmp[bmp.readUInt32LE(10)] = 200
  expect([...decoded(bmp).subarray(8 * 63, 8 * 63 + 3)]).toEqual([0, 0, 0])
})

describe.each(['24 bits with a gap before the pixels', '4 bits', '8 bits, RLE with jumps'])('A BMP of %s', name => {
  test('that is cut anywhere is damaged', () => {
    const bmp = fixture(name)
    const padding = name.startsWith('24') ? 1 : name === '4 bits' ? 1 : 4
    for (let length = 2; length < bmp.length - padding; length++)
      expect(() => decoded(bmp.subarray(0, length)), `${length}`).toThrow(/damaged BMP/)
  })

  test('with any byte of its header changed is decoded or refused', () => {
    const bmp = fixture(name)
    for (let at = 10; at < 70; at++)
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = Buffer.from(bmp)
        changed[at] = value
        try {
          const { width, height } = bmpHeader(changed)
          if (width * height < 1e6) decoded(changed)
        } catch (error) {
          expect((error as Error).name).toBe('PhotoError')
        }
      }
  })
})

test.each([
  ['a JPEG inside', 30, 4],
  ['the Huffman code of OS/2', 30, 3],
  ['5 bits', 28, 5],
  ['a header of 16 bytes', 14, 16],
])('A BMP with %s is named as not supported', (_what, at, value) => {
  const bmp = fixture('24 bits with a gap before the pixels')
  bmp[at] = value
  expect(() => bmpHeader(bmp)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_IMAGE' }))
})
