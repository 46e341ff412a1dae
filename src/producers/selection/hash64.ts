import { hash } from 'node:crypto'

/** 64 bits as two unsigned 32-bit numbers. */
export interface Hash64 {
  high: number
  low: number
}

/** The first 64 bits of a text's SHA-256: half a microsecond, a third more than a non-cryptographic hash. */
export function hash64(text: string): Hash64 {
  const hex = hash('sha256', text, 'hex')
  return { high: Number.parseInt(hex.slice(0, 8), 16), low: Number.parseInt(hex.slice(8, 16), 16) }
}

export function compareHash64(a: Hash64, b: Hash64): number {
  return a.high - b.high || a.low - b.low
}
