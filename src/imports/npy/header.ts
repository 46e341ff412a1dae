import { AppError } from '../../domain/errors.js'
import { parseLiteral } from './literal.js'

const MAGIC = Buffer.from('\x93NUMPY', 'latin1')
/** NumPy itself refuses longer ones by default (`max_header_size`). */
const MAX_HEADER_BYTES = 10_000
/** Bytes of a file that hold its whole header. */
export const HEAD_BYTES = 12 + MAX_HEADER_BYTES

export interface NpyHeader {
  /** Type of the elements: `<f4`, `|O`, `<U11`. */
  readonly descr: string
  readonly isFortran: boolean
  readonly shape: readonly number[]
  /** Byte where the elements begin. */
  readonly dataStart: number
}

export const isNpy = (head: Buffer): boolean => head.subarray(0, MAGIC.length).equals(MAGIC)

/**
 * Parses the header of NumPy's format, versions 1 to 3.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * @param head the first {@link HEAD_BYTES} of the file, or all of it
 * @throws AppError INPUT_INVALID, also for arrays of Python objects, whose pickles could run any program
 */
export function parseNpyHeader(head: Buffer, name: string): NpyHeader {
  if (!isNpy(head))
    throw invalidNpy(name, 'a file that begins with \\x93NUMPY', JSON.stringify(head.toString('latin1', 0, 6)))
  const version = head[6]
  if (version === undefined || version < 1 || version > 3)
    throw invalidNpy(name, 'format version 1, 2 or 3', `version ${version ?? 'missing'}`)
  const textStart = version === 1 ? 10 : 12
  if (head.length < textStart) throw invalidNpy(name, 'a header', 'the end of the file')
  const length = version === 1 ? head.readUInt16LE(8) : head.readUInt32LE(8)
  if (length > MAX_HEADER_BYTES)
    throw invalidNpy(name, `a header of at most ${MAX_HEADER_BYTES} bytes`, `one of ${length}`)
  const dataStart = textStart + length
  if (head.length < dataStart) throw invalidNpy(name, `a header of ${length} bytes`, 'the end of the file')
  return { ...fieldsOf(head.toString(version === 3 ? 'utf8' : 'latin1', textStart, dataStart), name), dataStart }
}

function fieldsOf(text: string, name: string): Omit<NpyHeader, 'dataStart'> {
  const header = parseLiteral(text.trim())
  if (header === undefined || header === null || typeof header !== 'object' || Array.isArray(header))
    throw invalidNpy(name, 'a header that is a Python dict', text.trim().slice(0, 200))
  const { descr, fortran_order: isFortran, shape, ...others } = header as Record<string, unknown>
  if (Array.isArray(descr)) throw invalidNpy(name, 'an array of numbers', 'an array of records (several fields)')
  const isShape = Array.isArray(shape) && shape.every(each => Number.isSafeInteger(each) && each >= 0)
  if (typeof descr !== 'string' || typeof isFortran !== 'boolean' || !isShape || Object.keys(others).length > 0)
    throw invalidNpy(name, 'a header with descr, fortran_order and shape', text.trim().slice(0, 200))
  if (descr.includes('O'))
    throw new AppError(
      'INPUT_INVALID',
      `${name}: expected an array of numbers, found one of Python objects (a pickle, which could run any program, so it is not read). Save it with: numpy.save(file, numpy.stack(vectors).astype("float32"))`,
    )
  return { descr, isFortran, shape: shape as number[] }
}

export function invalidNpy(name: string, expected: string, found: string): AppError {
  return new AppError('INPUT_INVALID', `${name}: expected ${expected}, found ${found}.`)
}
