import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { AppError } from '../../domain/errors.js'
import { readLines } from '../../producers/input/line-splitter.js'
import { decompressed, filePart } from '../../producers/input/part.js'
import { HEAD_BYTES, invalidNpy, isNpy, type NpyHeader, parseNpyHeader } from './header.js'

const CHUNK_BYTES = 1 << 16

/**
 * The photo ids of a matrix: a text file with one id per line, or an array of texts of NumPy (`<U11`, `|S11`).
 * An empty line is a row without id.
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID
 */
export async function* readIds(path: string): AsyncGenerator<string> {
  const head = await headOfFile(path)
  if (isNpy(head)) yield* idsOfArray(path, parseNpyHeader(head, path))
  else for await (const line of readLines((await decompressed(filePart(path))).bytes())) yield line.text.trim()
}

export async function countIds(path: string): Promise<number> {
  let count = 0
  for await (const _id of readIds(path)) count++
  return count
}

async function* idsOfArray(path: string, { descr, shape, dataStart }: NpyHeader): AsyncGenerator<string> {
  const [, order, kind, length] = /^([<>|=]?)([US])([1-9]\d{0,3})$/.exec(descr) ?? []
  if (length === undefined || shape.length !== 1)
    throw invalidNpy(path, 'a list of ids as texts', `type ${descr} of shape (${shape.join(', ')})`)
  const size = Number(length) * (kind === 'U' ? 4 : 1)
  let count = 0
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { start: dataStart, highWaterMark: CHUNK_BYTES })) {
    const bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    let at = 0
    for (; at + size <= bytes.length; at += size) {
      if (count++ >= shape[0]!) break
      yield textAt(bytes.subarray(at, at + size), kind === 'U', order === '>')
    }
    rest = Buffer.from(bytes.subarray(at))
  }
  if (count !== shape[0] || rest.length > 0)
    throw invalidNpy(path, `${shape[0]} ids of ${size} bytes`, `${count} and ${rest.length} bytes more`)
}

/** Fixed lengths are filled up with NUL at the end. */
function textAt(bytes: Buffer, isUnicode: boolean, isBigEndian: boolean): string {
  if (!isUnicode) return bytes.toString('latin1').replace(/\0+$/, '')
  let text = ''
  for (let i = 0; i < bytes.length; i += 4) {
    const code = isBigEndian ? bytes.readUInt32BE(i) : bytes.readUInt32LE(i)
    text += code <= 0x10ffff ? String.fromCodePoint(code) : '\uFFFD'
  }
  return text.replace(/\0+$/, '')
}

async function headOfFile(path: string): Promise<Buffer> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw new AppError('INPUT_NOT_FOUND', `${path} cannot be read: ${cause.code ?? cause.message}`, { cause })
  })
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } catch (cause) {
    throw new AppError('INPUT_INVALID', `${path}: expected a file with one photo id per line, found no file.`, {
      cause,
    })
  } finally {
    await file.close()
  }
}
