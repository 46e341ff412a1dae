// Matrices in NumPy's file format: of half precision, row by row; written as they are in memory. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import { closeSync, openSync, readSync, writeSync } from 'node:fs'

const HEAD = 10 // magic, version 1.0, length of the header

/** @returns {{ rows: number, columns: number, read(start: number, count: number): Uint16Array, close(): void }} the bits of the halves */
export function openHalves(file) {
  const handle = openSync(file, 'r')
  const head = Buffer.alloc(HEAD)
  readSync(handle, head, 0, HEAD, 0)
  const header = Buffer.alloc(head.readUInt16LE(8))
  readSync(handle, header, 0, header.length, HEAD)
  const [, type, order, rows, columns] =
    /'descr': '([^']+)', 'fortran_order': (\w+), 'shape': \((\d+), (\d+)\)/.exec(header.toString('latin1')) ?? []
  if (type !== '<f2' || order !== 'False')
    throw new Error(`${file}: a matrix of <f2 in C order expected, found ${header}`)
  const start = HEAD + header.length
  return {
    rows: Number(rows),
    columns: Number(columns),
    read(first, count) {
      const values = new Uint16Array(count * columns)
      const bytes = new Uint8Array(values.buffer)
      const got = readSync(handle, bytes, 0, bytes.length, start + first * columns * 2)
      if (got !== bytes.length) throw new Error(`${file}: ended early`)
      return values
    },
    close: () => closeSync(handle),
  }
}

/** IEEE 754 binary16 to a number. */
export function fromHalf(bits) {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15)
  return bits & 0x8000 ? -size : size
}

const TYPES = new Map([
  [Float32Array, '<f4'],
  [Int32Array, '<i4'],
])
const BYTES_PER_WRITE = 64 << 20

/** @param values Float32Array or Int32Array, [rows, columns] */
export function writeNpy(file, { rows, columns, values }) {
  const text = `{'descr': '${TYPES.get(values.constructor)}', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`
  const header = `${text.padEnd(Math.ceil((HEAD + 1 + text.length) / 64) * 64 - HEAD - 1)}\n`
  const head = Buffer.alloc(HEAD)
  head.write('\x93NUMPY\x01\x00', 'latin1')
  head.writeUInt16LE(header.length, 8)
  const handle = openSync(file, 'w')
  writeSync(handle, Buffer.concat([head, Buffer.from(header)]))
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at, Math.min(BYTES_PER_WRITE, bytes.length - at))
  closeSync(handle)
}
