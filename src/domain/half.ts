/**
 * Half precision (IEEE 754 binary16) as bits: Node has no Float16Array before version 24, and onnxruntime takes and
 * returns 16-bit integers for it.
 */

const float = new Float32Array(1)
const bitsOfFloat = new Uint32Array(float.buffer)

/** Returns the bits of the nearest half, ties to even, as hardware rounds. Beyond 65504: infinity. */
export function toHalf(value: number): number {
  float[0] = value
  const bits = bitsOfFloat[0]!
  const sign = (bits >>> 16) & 0x8000
  const exponent = ((bits >>> 23) & 0xff) - 127
  const fraction = bits & 0x7fffff
  if (exponent === 128) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200)
  if (exponent > 15) return sign | 0x7c00
  // Rounding up carries into the exponent, which is also correct there, up to infinity.
  if (exponent >= -14) return sign | roundedShift(((exponent + 15) << 23) | fraction, 13)
  if (exponent >= -25) return sign | roundedShift(0x800000 | fraction, -exponent - 1)
  return sign
}

/** Returns the number for the bits of a half. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Divides by 2^places, rounding to nearest, ties to even. */
function roundedShift(value: number, places: number): number {
  const floor = value >>> places
  const rest = value & ((1 << places) - 1)
  const half = 1 << (places - 1)
  return rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor
}
