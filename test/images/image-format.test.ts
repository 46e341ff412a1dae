import { describe, expect, test } from 'vitest'
import { imageFormat } from '../../src/images/image-format.js'
import { noise, UNSUPPORTED } from '../support/images/sample-images.js'

describe('An image that is decoded is known by its first bytes', () => {
  test.each([
    ['JPEG', () => noise(8, 8).jpeg()],
    ['PNG', () => noise(8, 8).png()],
    ['WebP', () => noise(8, 8).webp()],
    ['GIF', () => noise(8, 8).gif()],
    ['AVIF', () => noise(8, 8).avif()],
    ['TIFF', () => noise(8, 8).tiff()],
    ['TIFF', () => noise(8, 8).tiff({ bigtiff: true })],
  ] as const)('%s', async (format, make) => {
    expect(imageFormat(await make().toBuffer())).toBe(format)
  })

  test.each([
    ['BMP', Buffer.from('424d46000000000000003600000028000000020000000200000001001800', 'hex')],
    ['HEIC', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1')],
    ['RAW', Buffer.from('\0\0\0\x18ftypcrx \0\0\0\x01crx isom', 'latin1')],
    ['RAW', Buffer.from('FUJIFILMCCD-RAW 0201FF383501')],
    ['RAW', Buffer.from('II*\0\x10\0\0\0CR\x02\0', 'latin1')],
  ])('%s', (format, bytes) => {
    expect(imageFormat(bytes)).toBe(format)
  })

  test('AVIF that calls itself HEIF', () => {
    expect(imageFormat(Buffer.from('\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiafMA1A', 'latin1'))).toBe('AVIF')
  })
})

describe('An image of a format that is not decoded is called that', () => {
  test.each(Object.entries(UNSUPPORTED))('%s', (_name, bytes) => {
    expect(() => imageFormat(bytes)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_IMAGE' }))
  })

  test.each([
    '<svg>',
    '  \n<svg xmlns="x">',
    '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"><svg ',
    '\xef\xbb\xbf<svg ',
  ])('SVG as %j', text => {
    expect(() => imageFormat(Buffer.from(text, 'latin1'))).toThrow(/^SVG/)
  })
})

describe('Anything else is no image', () => {
  test.each([
    '<html><svg></svg></html>',
    '<!doctype html><body><svg>',
    'hello',
    '{"error":1}',
    '\xff\xd8',
    '\x89PNG',
    'RIFF1234WAVE',
    '\0\0\0\x18ftypmp42\0\0\0\0',
    'x',
  ])('%j', text => {
    expect(() => imageFormat(Buffer.from(text, 'latin1'))).toThrow(expect.objectContaining({ code: 'NOT_AN_IMAGE' }))
  })

  test('and nothing at all is an empty body', () => {
    expect(() => imageFormat(Buffer.alloc(0))).toThrow(expect.objectContaining({ code: 'EMPTY_BODY' }))
  })

  test('however long it takes to look', () => {
    const comments = Buffer.from('<!--a-->'.repeat(100_000))
    const before = performance.now()
    expect(() => imageFormat(comments)).toThrow(expect.objectContaining({ code: 'NOT_AN_IMAGE' }))
    expect(performance.now() - before).toBeLessThan(100)
  })
})
