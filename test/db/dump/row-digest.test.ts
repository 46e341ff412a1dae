import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RowDigest } from '../../../src/db/dump/row-digest.js'

const rows = fc.array(fc.stringMatching(/^[a-z\t]{0,8}$/), { maxLength: 20 })
const textOf = (lines: readonly string[]) => Buffer.from(lines.map(line => `${line}\n`).join(''))
const digestOf = (lines: readonly string[]) => RowDigest.of(textOf(lines), 'text')

test('The digest of rows depends on the rows and how often each occurs, not on their order', () => {
  fc.assert(
    fc.property(rows, rows, (some, others) => {
      const sorted = (lines: readonly string[]) => [...lines].sort().join('\n')
      const equal = some.length === others.length && sorted(some) === sorted(others)
      expect(digestOf(some).hex === digestOf(others).hex).toBe(equal)
      expect(digestOf([...some].reverse()).hex).toBe(digestOf(some).hex)
    }),
  )
})

test('Merged digests of parts are the digest of the whole', () => {
  fc.assert(
    fc.property(rows, rows, (some, others) => {
      const merged = digestOf(some)
      merged.merge(digestOf(others))
      const whole = digestOf([...some, ...others])
      expect([merged.hex, merged.rows]).toEqual([whole.hex, whole.rows])
    }),
  )
})

test('Binary rows are cut by the lengths of their fields', () => {
  const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])
  const row = (...fields: (string | null)[]) =>
    Buffer.concat([
      int16(fields.length),
      ...fields.map(field => (field === null ? int32(-1) : Buffer.concat([int32(field.length), Buffer.from(field)]))),
    ])
  const [first, second] = [row('a', null), row('', 'xyz')]
  const end = int16(-1)
  const digest = RowDigest.of(Buffer.concat([header, first, second, end]), 'binary')
  expect(digest.rows).toBe(2)
  expect(digest.hex).toBe(RowDigest.of(Buffer.concat([header, second, first, end]), 'binary').hex)
  expect(digest.hex).not.toBe(RowDigest.of(Buffer.concat([header, first, first, end]), 'binary').hex)
})

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
