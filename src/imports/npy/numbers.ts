import { fromHalf } from '../../domain/half.js'

export interface NumberType {
  /** Bytes per number. */
  bytes: number
  /** The numbers in these bytes. May change the order of the bytes in place. */
  decode(bytes: Buffer): Float32Array | Float64Array
}

/** @param descr `<f2`, `>f4` …; undefined for other types */
export function numberType(descr: string): NumberType | undefined {
  const [, order, size] = /^([<>=|]?)f([248])$/.exec(descr) ?? []
  if (size === undefined) return undefined
  const swap = order === '>'
  const decode = { 2: halves, 4: singles, 8: doubles }[size as '2' | '4' | '8']
  return { bytes: Number(size), decode: bytes => decode(bytes, swap) }
}

let valueOfHalf: Float32Array | undefined

/** The value of each half by its bits: 256 kB, and a third of the time of computing it. */
export function halfValues(): Float32Array {
  valueOfHalf ??= Float32Array.from({ length: 65_536 }, (_, bits) => fromHalf(bits))
  return valueOfHalf
}

function halves(bytes: Buffer, swap: boolean): Float32Array {
  if (swap) bytes.swap16()
  const values = halfValues()
  const numbers = new Float32Array(bytes.length / 2)
  for (let i = 0; i < numbers.length; i++) numbers[i] = values[bytes[2 * i]! | (bytes[2 * i + 1]! << 8)]!
  return numbers
}

function singles(bytes: Buffer, swap: boolean): Float32Array {
  if (swap) bytes.swap32()
  return new Float32Array(aligned(bytes))
}

function doubles(bytes: Buffer, swap: boolean): Float64Array {
  if (swap) bytes.swap64()
  return new Float64Array(aligned(bytes))
}

/** A copy of its own: a view may begin anywhere. */
function aligned(bytes: Buffer): ArrayBuffer {
  const { buffer, byteOffset, length } = bytes
  return (buffer as ArrayBuffer).slice(byteOffset, byteOffset + length)
}
