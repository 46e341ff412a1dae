import { readFile } from 'node:fs/promises'
import { AppError } from '../../domain/errors.js'
import { fromHalf } from '../../domain/half.js'

const MAGIC = Buffer.from('\x93NUMPY', 'latin1')

interface Header {
  readonly type: 'f2' | 'f4' | 'f8'
  readonly rows: number
  readonly columns: number
  readonly dataStart: number
}

/**
 * Reads a matrix of NumPy's format, versions 1 to 3: little-endian float16, float32 or float64, row after row.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * @returns its rows, each of `columns` numbers; values beyond single precision are rounded to it
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID
 */
export async function readMatrix(path: string): Promise<Float32Array[]> {
  const file = await readFile(path).catch(cause => {
    throw new AppError('INPUT_NOT_FOUND', `Expected a .npy file at ${path}, found ${cause.code ?? cause.message}.`, {
      cause,
    })
  })
  return parseMatrix(file, path)
}

/** @param name of the file, for messages */
export function parseMatrix(file: Buffer, name: string): Float32Array[] {
  const { type, rows, columns, dataStart } = parseHeader(file, name)
  const bytes = Number(type.slice(1))
  const expected = rows * columns * bytes
  if (file.length - dataStart !== expected)
    throw invalid(name, `${expected} bytes of data, ${rows} × ${columns} × ${bytes}`, `${file.length - dataStart}`)
  const at = { f2: readHalf, f4: readSingle, f8: readDouble }[type]
  return Array.from({ length: rows }, (_, row) =>
    Float32Array.from({ length: columns }, (_, column) => at(file, dataStart + bytes * (row * columns + column))),
  )
}

function parseHeader(file: Buffer, name: string): Header {
  if (file.length < 10 || !file.subarray(0, 6).equals(MAGIC))
    throw invalid(name, 'a file that begins with \\x93NUMPY', JSON.stringify(file.toString('latin1', 0, 6)))
  const version = file[6]!
  if (version < 1 || version > 3) throw invalid(name, 'format version 1, 2 or 3', `version ${version}`)
  const textStart = version === 1 ? 10 : 12
  if (file.length < textStart) throw invalid(name, 'a header', 'the end of the file')
  const dataStart = textStart + (version === 1 ? file.readUInt16LE(8) : file.readUInt32LE(8))
  if (dataStart > file.length) throw invalid(name, `a header of ${dataStart} bytes`, `a file of ${file.length}`)

  const text = file.toString(version === 3 ? 'utf8' : 'latin1', textStart, dataStart).trim()
  const type = /'descr':\s*'<(f2|f4|f8)'/.exec(text)?.[1] as Header['type'] | undefined
  if (!type) throw invalid(name, "numbers of type '<f2', '<f4' or '<f8'", text)
  if (!/'fortran_order':\s*False/.test(text))
    throw invalid(name, 'rows one after the other (C order)', `${text}. Save it with numpy.ascontiguousarray`)
  const shape = /'shape':\s*\((\d+),\s*(\d+),?\s*\)/.exec(text)
  if (!shape) throw invalid(name, 'a matrix: two dimensions', text)
  return { type, rows: Number(shape[1]), columns: Number(shape[2]), dataStart }
}

function readHalf(file: Buffer, at: number): number {
  return fromHalf(file.readUInt16LE(at))
}

function readSingle(file: Buffer, at: number): number {
  return file.readFloatLE(at)
}

function readDouble(file: Buffer, at: number): number {
  return file.readDoubleLE(at)
}

function invalid(name: string, expected: string, found: string): AppError {
  return new AppError('INPUT_INVALID', `${name}: expected ${expected}, found ${found}.`)
}
