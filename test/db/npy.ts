import { readFileSync } from 'node:fs'

/**
 * Reads a matrix of half precision numbers (NumPy's format, version 1: magic, header length, header as a Python dict, data).
 * @returns its rows, [rows][columns]
 */
export function readHalfMatrix(path: string): Float32Array[] {
  const file = readFileSync(path)
  const dataStart = 10 + file.readUInt16LE(8)
  const header = file.toString('latin1', 10, dataStart)
  const shape = /'shape': \((\d+), (\d+)\)/.exec(header)
  if (!header.includes("'<f2'") || !header.includes("'fortran_order': False") || shape === null)
    throw new Error(`a matrix of little-endian halves expected in ${path}, found ${header.trim()}`)
  const [rows, columns] = [Number(shape[1]), Number(shape[2])]
  return Array.from({ length: rows }, (_, row) =>
    Float32Array.from({ length: columns }, (_, column) =>
      fromHalf(file.readUInt16LE(dataStart + 2 * (row * columns + column))),
    ),
  )
}

/** IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}
