import { invalidNpy, parseNpyHeader } from './header.js'
import { numberType } from './numbers.js'

/** One vector of NumPy's format, of shape (n,) or (1, n), as samples of WebDataset hold it. @throws AppError INPUT_INVALID */
export function parseVector(file: Buffer, name: string): Float32Array | Float64Array {
  const { descr, shape, dataStart } = parseNpyHeader(file, name)
  const type = numberType(descr)
  if (type === undefined) throw invalidNpy(name, 'numbers of type float16, float32 or float64', `type ${descr}`)
  const [rows, columns] = shape.length === 1 ? [1, shape[0]!] : shape
  if (shape.length < 1 || shape.length > 2 || rows !== 1)
    throw invalidNpy(name, 'one vector', `an array of shape (${shape.join(', ')})`)
  if (file.length - dataStart !== columns! * type.bytes)
    throw invalidNpy(name, `${columns! * type.bytes} bytes of numbers`, `${file.length - dataStart}`)
  return type.decode(Buffer.from(file.subarray(dataStart)))
}
