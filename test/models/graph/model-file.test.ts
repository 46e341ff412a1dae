import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { mapModel } from '../../../src/models/graph/model-file.js'
import * as onnx from '../../support/models/tiny-onnx.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'model-file-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** @returns the bytes of a constant of a model file */
async function read(constant: onnx.Constant): Promise<Uint8Array | undefined> {
  const path = join(folder, 'model.onnx')
  const node = { op: 'Identity', inputs: [constant.name], outputs: ['copy'] }
  const outputs = [{ name: 'copy', type: constant.type, shape: constant.shape }]
  await writeFile(path, onnx.onnxModel({ inputs: [], outputs, nodes: [node], constants: [constant] }))
  let values: Uint8Array | undefined
  mapModel(path, ({ weights }) => {
    values = weights.get(constant.name)!.read!()
  })
  return values
}

const whole = (bits: number) => [0, 1, 2 ** (bits - 7), 2 ** (bits - 1), 2 ** bits - 2 ** Math.max(0, bits - 53)]
const signed = (bits: number) => [0, -1, 1 - 2 ** (bits - 7), -(2 ** (bits - 1)), 2 ** (bits - 2)]

describe.each<[string, keyof typeof onnx.RAW, number[]]>([
  ['float32', onnx.FLOAT, [0, -1.5, 1e-42, 3.4e38, Number.NEGATIVE_INFINITY]],
  ['float64', onnx.DOUBLE, [0, -1.5, 5e-324, 1e308, Number.POSITIVE_INFINITY]],
  ['float16', onnx.FLOAT16, whole(16)],
  ['bfloat16', onnx.BFLOAT16, whole(16)],
  ['uint8', onnx.UINT8, whole(8)],
  ['int8', onnx.INT8, signed(8)],
  ['int32', onnx.INT32, signed(32)],
  ['uint32', onnx.UINT32, whole(32)],
  ['int64', onnx.INT64, signed(64)],
  ['uint64', onnx.UINT64, whole(64)],
])('constants of %s', (_, type, values) => {
  test.each(['raw', 'packed', 'unpacked'] as const)('are read the same when stored %s', async stored => {
    const found = await read({ name: 'constant', type, shape: [values.length], values, stored })
    expect(found && [...found]).toEqual([...new Uint8Array(onnx.RAW[type](values))])
  })

  test.each(['raw', 'packed', 'unpacked'] as const)(
    'are not read when their number, stored %s, is wrong',
    async stored => {
      for (const size of [values.length - 1, values.length + 1])
        expect(await read({ name: 'constant', type, shape: [size], values, stored })).toBeUndefined()
    },
  )
})

test('a file of zeros is refused at once', async () => {
  const path = join(folder, 'model.onnx')
  await writeFile(path, new Uint8Array(1_000_000))
  expect(() => mapModel(path, () => {})).toThrow(RangeError)
})
