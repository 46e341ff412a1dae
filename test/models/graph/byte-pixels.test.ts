import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BYTE_PIXELS, useBytePixels } from '../../../src/models/graph/byte-pixels.js'
import { mapModel } from '../../../src/models/graph/model-file.js'
import { ImageFeeds } from '../../../src/models/runtime/image-feeds.js'
import { openSession } from '../../../src/models/runtime/session.js'
import { readInputs } from '../../../src/models/runtime/signature.js'
import { hasVnni } from '../../../src/models/runtime/vnni.js'
import {
  type Constant,
  FLOAT,
  type Graph,
  INT8,
  INT32,
  INT64,
  type Node,
  onnxModel,
  UINT8,
} from '../../support/models/tiny-onnx.js'
import { randomNumbers } from '../noise.js'

const BATCH = 3
const SIZE = 24
const SIDE = 8
const GRID = SIZE / SIDE
const FILTERS = 12
/** CLIP's. */
const SCALE = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] }
const WEIGHTS = [FILTERS, 3, SIDE, SIDE]
/** Of the largest result: 15 bits a weight. */
const ROUNDING = 1e-4

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'byte-pixels-'))
  path = join(folder, 'model.onnx')
})

afterEach(() => rm(folder, { recursive: true }))

function drawn(count: number, seed: number, scale = 1): number[] {
  const next = randomNumbers(seed)
  return Array.from({ length: count }, () => scale * next())
}

const floats = (name: string, shape: number[], values: number[]): Constant => ({ name, type: FLOAT, shape, values })
const levels = (name: string, shape: number[], values: number[]): Constant => ({ name, type: UINT8, shape, values })
const count = WEIGHTS.reduce((product, size) => product * size, 1)
const KERNEL = floats('kernel', WEIGHTS, drawn(count, 1, 0.1))
const BIAS = floats('bias', [FILTERS], drawn(FILTERS, 2))
const TILES = { strides: [SIDE, SIDE], kernel_shape: [SIDE, SIDE], pads: [0, 0, 0, 0] }

interface Shape {
  convolution?: Node[]
  constants?: Constant[]
  size?: number
  also?: Node[]
}

/** A first step with patches, of which the result is an output, and a product of integers after it. */
function tower({ convolution = [conv()], constants = [KERNEL, BIAS], size = SIZE, also = [] }: Shape = {}): Graph {
  return {
    inputs: [{ name: 'pixels', type: FLOAT, shape: ['batch', 3, size, size] }],
    outputs: [
      { name: 'places', type: FLOAT, shape: ['batch', FILTERS, 'height', 'width'] },
      { name: 'product', type: FLOAT, shape: ['batch', FILTERS, 'height', 1] },
    ],
    nodes: [
      ...convolution,
      ...also,
      { op: 'DynamicQuantizeLinear', inputs: ['places'], outputs: ['q', 'scale', 'zero'] },
      { op: 'MatMulInteger', inputs: ['q', 'weights', 'zero'], outputs: ['sum'] },
      { op: 'Cast', inputs: ['sum'], outputs: ['product'], attributes: { to: FLOAT } },
    ],
    constants: [...constants, levels('weights', [GRID, 1], new Array(GRID).fill(1))],
  }
}

function conv(attributes: Node['attributes'] = TILES, inputs = ['pixels', 'kernel', 'bias']): Node {
  return { op: 'Conv', inputs, outputs: ['places'], attributes }
}

/** As dynamic quantisation writes a convolution. */
const QUANTISED: Node[] = [
  { op: 'DynamicQuantizeLinear', inputs: ['pixels'], outputs: ['levels', 'pixelScale', 'pixelZero'] },
  { op: 'ConvInteger', inputs: ['levels', 'kernel', 'pixelZero', 'zeros'], outputs: ['sums'], attributes: TILES },
  { op: 'Cast', inputs: ['sums'], outputs: ['asFloats'], attributes: { to: FLOAT } },
  { op: 'Mul', inputs: ['pixelScale', 'step'], outputs: ['steps'] },
  { op: 'Mul', inputs: ['asFloats', 'steps'], outputs: ['places'] },
]
const KERNEL_LEVELS = drawn(count, 3, 60).map(value => Math.round(value) + 64)
const STEP = 0.002
const KERNEL_OF_LEVELS = levels('kernel', WEIGHTS, KERNEL_LEVELS)
const QUANTISED_CONSTANTS = [KERNEL_OF_LEVELS, levels('zeros', [], [64]), floats('step', [], [STEP])]

const bytes = Uint8Array.from(drawn(BATCH * SIZE * SIZE * 3, 4), value => Math.floor((value + 1) * 128))
const IMAGE = SIZE * SIZE * 3
const images = Array.from({ length: BATCH }, (_, at) => bytes.subarray(at * IMAGE, (at + 1) * IMAGE))

/** What a tower is trained on, [batch, 3, size, size]. */
function normalised(): Float32Array {
  const plane = SIZE * SIZE
  return Float32Array.from({ length: bytes.length }, (_, at) => {
    const [image, channel, place] = [Math.floor(at / (3 * plane)), Math.floor(at / plane) % 3, at % plane]
    return (bytes[(image * plane + place) * 3 + channel]! / 255 - SCALE.mean[channel]!) / SCALE.std[channel]!
  })
}

async function places(session: InferenceSession, feeds: Record<string, Tensor>): Promise<Float32Array> {
  const { places } = await session.run(feeds)
  await session.release()
  expect(places!.dims).toEqual([BATCH, FILTERS, GRID, GRID])
  return places!.data as Float32Array
}

async function ofFloats(graph: Graph): Promise<Float32Array> {
  await writeFile(path, onnxModel(graph))
  const pixels = new Tensor('float32', normalised(), [BATCH, 3, SIZE, SIZE])
  return places(await InferenceSession.create(path), { pixels })
}

/** With integer products, which the product in floating point must agree with. */
async function ofBytes(graph: Graph): Promise<Float32Array> {
  await writeFile(path, onnxModel(graph))
  const [found, inFloats] = [await ofBytesWith(true), await ofBytesWith(false)]
  expectClose(inFloats, found, ROUNDING)
  return found
}

async function ofBytesWith(vnni: boolean): Promise<Float32Array> {
  const session = await openSession(path, { threads: 1, provider: 'cpu', vnni }, { size: SIZE, ...SCALE })
  expect(session.inputMetadata[0]).toEqual({
    name: BYTE_PIXELS,
    isTensor: true,
    type: 'uint8',
    shape: ['batch', SIZE, SIZE, 3],
  })
  const feeds = new ImageFeeds(readInputs(path, session, SIZE), { size: SIZE, ...SCALE })
  return places(session, feeds.of(images))
}

function isChanged(size: number): boolean {
  let changed = false
  mapModel(path, graph => {
    changed = useBytePixels(graph, size, SCALE).outcome === 'applied'
  })
  return changed
}

function expectClose(found: Float32Array, wanted: Float32Array, share: number): void {
  const largest = Math.max(...wanted.map(Math.abs))
  expect(Math.max(...found.map((value, at) => Math.abs(value - wanted[at]!)))).toBeLessThan(share * largest)
}

test.each([
  ['with a bias', tower()],
  ['without one, as CLIP has it', tower({ convolution: [conv(TILES, ['pixels', 'kernel'])], constants: [KERNEL] })],
])('a convolution in floating point, %s, takes bytes and gives the same', async (_, graph) => {
  expectClose(await ofBytes(graph), await ofFloats(graph), ROUNDING)
})

test('weights of any size among filters keep their precision, and a filter of zeros stays one', async () => {
  const perFilter = count / FILTERS
  const values = drawn(count, 5).map((value, at) => value * 10 ** -Math.floor(at / perFilter))
  values.fill(0, 0, perFilter)
  const graph = tower({
    convolution: [conv(TILES, ['pixels', 'kernel'])],
    constants: [floats('kernel', WEIGHTS, values)],
  })
  const [found, wanted] = [await ofBytes(graph), await ofFloats(graph)]
  for (let filter = 0; filter < FILTERS; filter++) {
    const of = (all: Float32Array) => all.subarray(filter * GRID * GRID, (filter + 1) * GRID * GRID)
    if (filter === 0) expect(Math.max(...of(found).map(Math.abs))).toBe(0)
    else expectClose(of(found), of(wanted), 10 * ROUNDING)
  }
})

test('a quantised convolution takes levels, and gives the same to the last bit', async () => {
  const quantised = tower({ convolution: QUANTISED, constants: QUANTISED_CONSTANTS })
  expect(await ofBytes(quantised)).toEqual(await ofFloats(quantised))
})

const STEPS = floats(
  'step',
  [1, FILTERS, 1, 1],
  Array.from({ length: FILTERS }, (_, filter) => STEP * (1 + filter)),
)
const signed = (name: string, shape: number[], values: number[]): Constant => ({ name, type: INT8, shape, values })

test.each<[string, Constant[]]>([
  ['a scale for each filter', [KERNEL_OF_LEVELS, levels('zeros', [], [64]), STEPS]],
  [
    'weights of 8 bits',
    [
      levels(
        'kernel',
        WEIGHTS,
        KERNEL_LEVELS.map(level => 2 * level),
      ),
      levels('zeros', [1], [120]),
      STEPS,
    ],
  ],
  [
    'signed weights',
    [
      signed(
        'kernel',
        WEIGHTS,
        KERNEL_LEVELS.map(level => level - 64),
      ),
      signed('zeros', [], [3]),
      STEPS,
    ],
  ],
])('a quantised convolution may have %s', async (weights, constants) => {
  const graph = tower({ convolution: QUANTISED, constants })
  // Without VNNI the runtime's integer products of such weights overflow, and are not used.
  if (weights === 'weights of 8 bits' && !hasVnni()) {
    await writeFile(path, onnxModel(graph))
    expectClose(await ofBytesWith(false), await ofFloats(graph), ROUNDING)
  } else expectClose(await ofBytes(graph), await ofFloats(graph), 1e-6)
})

test('a convolution whose filters are multiples of a step becomes one integer product, which is exact', async () => {
  const filter = (at: number) => Math.floor(at / (count / FILTERS))
  const channel = (at: number) => Math.floor(at / (SIDE * SIDE)) % 3
  // Neighbours add up to 128 at most: CPUs without VNNI add two products with pixels in 16 bits.
  const kernel = drawn(count, 5, 64).map((value, at) => {
    const place = at % (count / FILTERS)
    const level = place === 0 ? 127 : place === 1 || place === SIDE * SIDE ? 0 : Math.round(value)
    return level * 1e-3 * (1 + filter(at)) * SCALE.std[channel(at)]!
  })
  const graph = tower({ constants: [floats('kernel', WEIGHTS, kernel), BIAS] })
  expectClose(await ofBytes(graph), await ofFloats(graph), 1e-6)
  let products = 0
  mapModel(path, each => {
    useBytePixels(each, SIZE, SCALE)
    products = each.nodes.filter(({ op }) => op === 'MatMulInteger').length
  })
  // That of the patches, and the one behind it.
  expect(products).toBe(2)
})

test('a quantised convolution may have a zero for each filter', async () => {
  const zeros = Array.from({ length: FILTERS }, (_, filter) => 60 + filter)
  const filter = (at: number) => Math.floor(at / (count / FILTERS))
  const kernel = KERNEL_LEVELS.map((level, at) => (level - zeros[filter(at)]!) * STEP * (1 + filter(at)))
  // The runtime has no such convolution.
  const exact = await ofFloats(
    tower({ convolution: [conv(TILES, ['pixels', 'kernel'])], constants: [floats('kernel', WEIGHTS, kernel)] }),
  )
  const constants = [KERNEL_OF_LEVELS, levels('zeros', [FILTERS], zeros), STEPS]
  expectClose(await ofBytes(tower({ convolution: QUANTISED, constants })), exact, 0.02)
})

test('levels have the range of all images of a call, and include 0', async () => {
  const graph = tower({ convolution: QUANTISED, constants: QUANTISED_CONSTANTS })
  const before = Uint8Array.from(bytes)
  try {
    for (const [darkest, range] of [
      [250, 6],
      [0, 3],
      [7, 1],
      [100, 100],
    ] as const) {
      for (const [at, byte] of before.entries()) bytes[at] = darkest + (byte % range)
      expect(await ofBytes(graph)).toEqual(await ofFloats(graph))
    }
  } finally {
    bytes.set(before)
  }
})

test.each(['packed', 'unpacked'] as const)('a quantised convolution may be stored as numbers, %s', async stored => {
  const constants = QUANTISED_CONSTANTS.map(constant => ({ ...constant, stored }))
  const found = await ofBytes(tower({ convolution: QUANTISED, constants }))
  expect(found).toEqual(await ofBytes(tower({ convolution: QUANTISED, constants: QUANTISED_CONSTANTS })))
})

const cast = (input: string, to: number, output: string): Node => ({
  op: 'Cast',
  inputs: [input],
  outputs: [output],
  attributes: { to },
})

test.each<[string, Node[]]>([
  ['Cast', [cast('pixels', FLOAT, 'read')]],
  ['Identity', [{ op: 'Identity', inputs: ['pixels'], outputs: ['read'] }]],
  ['Cast and Identity', [cast('pixels', FLOAT, 'cast'), { op: 'Identity', inputs: ['cast'], outputs: ['read'] }]],
])('%s between the pixels and the convolution makes no difference', async (_, between) => {
  const convolution = [...between, conv(TILES, ['read', 'kernel', 'bias'])]
  expect(await ofBytes(tower({ convolution }))).toEqual(await ofBytes(tower()))
})

/** Asks for one size of the input. */
const sizeOf = (axis: string): Node[] => [
  { op: 'Shape', inputs: ['pixels'], outputs: ['shape'] },
  { op: 'Gather', inputs: ['shape', axis], outputs: ['size'], attributes: { axis: 0 } },
  { op: 'Cast', inputs: ['size'], outputs: ['floatSize'], attributes: { to: FLOAT } },
]
const axis = (value: number): Constant => ({ name: 'axis', type: INT64, shape: [], values: [value] })

test('other nodes may ask how many pictures there are', async () => {
  const graph = tower({ also: sizeOf('axis'), constants: [KERNEL, BIAS, axis(0)] })
  const sized: Graph = { ...graph, outputs: [...graph.outputs, { name: 'floatSize', type: FLOAT, shape: [] }] }
  await writeFile(path, onnxModel(sized))
  const session = await openSession(path, { threads: 1, provider: 'cpu', vnni: true }, { size: SIZE, ...SCALE })
  const { floatSize } = await session.run({ [BYTE_PIXELS]: new Tensor('uint8', bytes, [BATCH, SIZE, SIZE, 3]) })
  await session.release()
  expect([...(floatSize!.data as Float32Array)]).toEqual([BATCH])
})

test.each<[string, Graph]>([
  [
    'something else asks for the height of the pictures',
    tower({ also: sizeOf('axis'), constants: [KERNEL, BIAS, axis(2)] }),
  ],
  [
    'a Cast rounds the pixels',
    tower({
      convolution: [cast('pixels', INT32, 'whole'), cast('whole', FLOAT, 'read'), conv(TILES, ['read', 'kernel'])],
      constants: [KERNEL],
    }),
  ],
  ['patches overlap', tower({ convolution: [conv({ ...TILES, strides: [4, 4] })] })],
  ['patches have gaps within', tower({ convolution: [conv({ ...TILES, dilations: [2, 2] })] })],
  ['there is a border', tower({ convolution: [conv({ ...TILES, pads: [4, 4, 4, 4] })] })],
  ['the picture is no whole number of patches', tower({ size: SIZE + 4 })],
  [
    'something else reads the pixels',
    tower({ also: [{ op: 'ReduceMean', inputs: ['pixels'], outputs: ['brightness'] }] }),
  ],
  [
    'its weights are computed',
    tower({
      convolution: [{ op: 'Neg', inputs: ['kernel'], outputs: ['negative'] }, conv(TILES, ['pixels', 'negative'])],
    }),
  ],
  [
    'there are two convolutions',
    tower({ also: [{ op: 'Conv', inputs: ['places', 'second'], outputs: ['more'] }], constants: [KERNEL, BIAS] }),
  ],
  [
    'the sums of a quantised one are used elsewhere',
    tower({
      convolution: QUANTISED,
      constants: QUANTISED_CONSTANTS,
      also: [{ op: 'Neg', inputs: ['asFloats'], outputs: ['minus'] }],
    }),
  ],
  ['nothing is computed in integers', { ...tower(), nodes: tower().nodes.slice(0, 1) }],
])('a graph stays as it is when %s', async (_, graph) => {
  await writeFile(path, onnxModel(graph))
  expect(isChanged(graph.inputs[0]!.shape[2] as number)).toBe(false)
})
