import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { AppError } from '../../domain/errors.js'
import { damaged } from '../../producers/input/part.js'
import { HEAD_BYTES, invalidNpy, type NpyHeader, parseNpyHeader } from './header.js'
import { type NumberType, numberType } from './numbers.js'

/** Bytes of rows in memory. */
const BLOCK_BYTES = 4 << 20

/** A matrix of NumPy's format: float16, float32 or float64, in either byte order, row after row or column after column. */
export interface NpyMatrix {
  readonly path: string
  readonly rows: number
  readonly columns: number
  readonly type: NumberType
  readonly header: NpyHeader
}

/** @throws AppError INPUT_NOT_FOUND; INPUT_INVALID also for a file that is cut short */
export async function openMatrix(path: string): Promise<NpyMatrix> {
  const file = await openFile(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    const header = parseNpyHeader(buffer.subarray(0, bytesRead), path)
    const type = numberType(header.descr)
    if (type === undefined)
      throw invalidNpy(path, 'numbers of type float16, float32 or float64', `type ${header.descr}`)
    const [rows = 0, columns = 0, ...more] = header.shape
    if (header.shape.length !== 2 || more.length > 0)
      throw invalidNpy(path, 'a matrix, one row per vector', `an array of shape (${header.shape.join(', ')})`)
    const { size } = await file.stat()
    const expected = rows * columns * type.bytes
    const found = size - header.dataStart
    if (found !== expected)
      throw invalidNpy(
        path,
        `${expected} bytes of numbers, ${rows} × ${columns} × ${type.bytes}`,
        `${found}${found < expected ? ': the file is cut short' : ''}`,
      )
    return { path, rows, columns, type, header }
  } finally {
    await file.close()
  }
}

/** The rows in order, each [columns]. @throws AppError INPUT_INVALID when the file is changed meanwhile */
export async function* matrixRows(matrix: NpyMatrix): AsyncGenerator<Float32Array | Float64Array> {
  const { path, rows, columns, type } = matrix
  const file = await openFile(path)
  try {
    const blockRows = Math.max(1, Math.floor(BLOCK_BYTES / Math.max(1, columns * type.bytes)))
    for (let first = 0; first < rows; first += blockRows) {
      const count = Math.min(blockRows, rows - first)
      const numbers = await readBlock(file, matrix, first, count)
      for (let row = 0; row < count; row++) yield numbers.subarray(row * columns, (row + 1) * columns)
    }
  } finally {
    await file.close()
  }
}

/** @returns [count, columns] */
async function readBlock(
  file: FileHandle,
  { path, rows, columns, type, header }: NpyMatrix,
  first: number,
  count: number,
): Promise<Float32Array | Float64Array> {
  const { dataStart, isFortran } = header
  if (!isFortran) {
    const at = dataStart + first * columns * type.bytes
    return type.decode(await readFully(file, path, at, count * columns * type.bytes))
  }
  const Numbers = type.bytes === 8 ? Float64Array : Float32Array
  const block = new Numbers(count * columns)
  for (let column = 0; column < columns; column++) {
    const at = dataStart + (column * rows + first) * type.bytes
    const numbers = type.decode(await readFully(file, path, at, count * type.bytes))
    for (let row = 0; row < count; row++) block[row * columns + column] = numbers[row]!
  }
  return block
}

async function readFully(file: FileHandle, path: string, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done)
    if (bytesRead === 0) throw damaged(path, 'NumPy data', new Error('the file became shorter'))
    done += bytesRead
  }
  return bytes
}

async function openFile(path: string): Promise<FileHandle> {
  return open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw new AppError('INPUT_NOT_FOUND', `${path} cannot be read: ${cause.code ?? cause.message}`, { cause })
  })
}
