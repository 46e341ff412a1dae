import { expect } from 'vitest'

/**
 * Setup of all tests: `toEqual` compares images and vectors as memory. Element by element, as it otherwise would, 100,000
 * pixels take a second. What differs is left to it: it knows what to print, and that NaN may have several forms.
 */
expect.addEqualityTesters([
  (a: unknown, b: unknown) => {
    const isComparable = isTypedArray(a) && isTypedArray(b) && a.constructor === b.constructor
    return isComparable && Buffer.compare(bytesOf(a), bytesOf(b)) === 0 ? true : undefined
  },
])

type TypedArray = ArrayBufferView & { readonly length: number }

const isTypedArray = (value: unknown): value is TypedArray => ArrayBuffer.isView(value) && 'length' in value

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)
