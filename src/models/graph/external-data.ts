import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'

/** The place of a tensor's plain bytes in another file (onnx/onnx.proto, TensorProto.external_data). */
export interface ExternalPlace {
  /** Relative to the folder of the model file. */
  location?: string
  offset?: string
  length?: string
}

/**
 * Reads a tensor that a file beside the model holds.
 * @param folder of the model file
 * @param expected bytes of the tensor, by its type and shape
 * @returns undefined unless the file has exactly that many bytes for it, inside the folder
 */
export function readExternal(folder: string, place: ExternalPlace, expected: number): Uint8Array | undefined {
  const { location = '', offset = '0', length = String(expected) } = place
  if (location === '' || isAbsolute(location) || location.split(/[/\\]/).includes('..')) return undefined
  const start = Number(offset)
  if (Number(length) !== expected || !Number.isSafeInteger(start) || start < 0) return undefined
  let file: number
  try {
    file = openSync(join(folder, location), 'r')
  } catch {
    return undefined
  }
  try {
    if (fstatSync(file).size < start + expected) return undefined
    const bytes = new Uint8Array(expected)
    for (let at = 0; at < expected; ) {
      const read = readSync(file, bytes, at, expected - at, start + at)
      if (read === 0) return undefined
      at += read
    }
    return bytes
  } finally {
    closeSync(file)
  }
}
