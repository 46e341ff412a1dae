import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cosineSimilarity } from '../../../src/domain/similarity.js'
import { useClassTokenOnly } from '../../../src/models/graph/class-token.js'
import { type ModelGraph, mapModel } from '../../../src/models/graph/model-file.js'
import type { Rewrite } from '../../../src/models/graph/rewrite.js'
import { useSignedWeights } from '../../../src/models/graph/signed-weights.js'
import { openSession } from '../../../src/models/runtime/session.js'
import { FLOAT, type Graph, INT8, INT64, onnxModel, UINT8 } from '../../support/models/tiny-onnx.js'

const BATCH = 3
const TOKENS = 5
/** Wide enough that its weights stay in the file. */
const WIDTH = 40

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graph-'))
  path = join(folder, 'model.onnx')
})

afterEach(() => rm(folder, { recursive: true }))

/** Numbers between -1 and 1 that look random and are always the same. */
function numbers(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.sin(seed * 1000 + index * 7.7) % 1)
}

const matrix = (name: string, seed: number) => ({
  name,
  type: FLOAT as typeof FLOAT,
  shape: [WIDTH, WIDTH],
  values: numbers(WIDTH * WIDTH, seed),
})

/** The last block of a transformer: attention, in which tokens mix, and what follows, in which they do not. */
function block({ place = 0, alsoGiven = [] as string[] } = {}): Graph {
  const shape = ['batch', TOKENS, WIDTH]
  return {
    inputs: [{ name: 'tokens', type: FLOAT, shape }],
    outputs: [
      { name: 'embedding', type: FLOAT, shape: ['batch', WIDTH] },
      ...alsoGiven.map(name => ({ name, type: FLOAT, shape })),
    ],
    nodes: [
      { op: 'Add', inputs: ['tokens', 'bias'], outputs: ['x'] },
      { op: 'Transpose', inputs: ['x'], outputs: ['turned'], attributes: { perm: [0, 2, 1] } },
      { op: 'MatMul', inputs: ['x', 'turned'], outputs: ['scores'] },
      { op: 'Softmax', inputs: ['scores'], outputs: ['shares'], attributes: { axis: -1 } },
      { op: 'MatMul', inputs: ['shares', 'x'], outputs: ['mixed'] },
      { op: 'Reshape', inputs: ['mixed', 'shape'], outputs: ['merged'] },
      { op: 'MatMul', inputs: ['merged', 'out'], outputs: ['attended'] },
      { op: 'Add', inputs: ['x', 'attended'], outputs: ['y'] },
      { op: 'ReduceMean', inputs: ['y'], outputs: ['mean'], attributes: { axes: [-1] } },
      { op: 'Sub', inputs: ['y', 'mean'], outputs: ['centred'] },
      { op: 'MatMul', inputs: ['centred', 'up'], outputs: ['wide'] },
      { op: 'Sigmoid', inputs: ['wide'], outputs: ['gate'] },
      { op: 'Mul', inputs: ['wide', 'gate'], outputs: ['gated'] },
      { op: 'Add', inputs: ['y', 'gated'], outputs: ['z'] },
      { op: 'Gather', inputs: ['z', 'place'], outputs: ['class'], attributes: { axis: 1 } },
      { op: 'MatMul', inputs: ['class', 'projection'], outputs: ['embedding'] },
    ],
    constants: [
      matrix('out', 1),
      matrix('up', 2),
      matrix('projection', 3),
      { name: 'bias', type: FLOAT, shape: [WIDTH], values: numbers(WIDTH, 4) },
      { name: 'shape', type: INT64, shape: [3], values: [0, TOKENS, WIDTH] },
      { name: 'place', type: INT64, shape: [], values: [place] },
    ],
  }
}

/** The same with its products in integers, as dynamic quantisation makes them. */
function quantisedBlock(options?: Parameters<typeof block>[0]): Graph {
  const graph = block(options)
  const MOST = 127
  const inIntegers = graph.constants!.filter(({ shape }) => shape.length === 2)
  const names = inIntegers.map(({ name }) => name)
  const nodes = graph.nodes.flatMap(node => {
    const [x, weights] = node.inputs as [string, string]
    const [to] = node.outputs as [string]
    if (node.op !== 'MatMul' || !names.includes(weights)) return [node]
    return [
      { op: 'DynamicQuantizeLinear', inputs: [x], outputs: [`${to}:q`, `${to}:scale`, `${to}:zero`] },
      { op: 'MatMulInteger', inputs: [`${to}:q`, weights, `${to}:zero`, 'weightsZero'], outputs: [`${to}:sum`] },
      { op: 'Cast', inputs: [`${to}:sum`], outputs: [`${to}:float`], attributes: { to: FLOAT } },
      { op: 'Mul', inputs: [`${to}:scale`, 'weightsScale'], outputs: [`${to}:step`] },
      { op: 'Mul', inputs: [`${to}:float`, `${to}:step`], outputs: [to] },
    ]
  })
  const quantised = inIntegers.map(({ name, shape, values }) => ({
    name,
    type: UINT8 as typeof UINT8,
    shape,
    values: values.map(value => Math.round((value + 1) * (MOST / 2))),
  }))
  const others = graph.constants!.filter(({ name }) => !names.includes(name))
  const steps = [
    { name: 'weightsScale', type: FLOAT as typeof FLOAT, shape: [], values: [2 / MOST] },
    { name: 'weightsZero', type: UINT8 as typeof UINT8, shape: [], values: [(MOST + 1) / 2] },
  ]
  return { ...graph, nodes, constants: [...others, ...quantised, ...steps] }
}

/** The same with a product of rows, as the runtime's optimiser writes it. @param width of a row */
function flatBlock({ width = WIDTH, shape = [-1, TOKENS, WIDTH] } = {}): Graph {
  const graph = block()
  const nodes = graph.nodes.flatMap(node =>
    node.inputs[1] === 'up'
      ? [
          { op: 'Reshape', inputs: ['centred', 'flat'], outputs: ['rows'] },
          { op: 'Gemm', inputs: ['rows', 'upRows', 'upBias'], outputs: ['upped'] },
          { op: 'Reshape', inputs: ['upped', 'restored'], outputs: ['wide'] },
        ]
      : [node],
  )
  const constants = [
    ...graph.constants!.filter(({ name }) => name !== 'up'),
    { name: 'upRows', type: FLOAT as typeof FLOAT, shape: [width, width], values: numbers(width * width, 2) },
    { name: 'upBias', type: FLOAT as typeof FLOAT, shape: [width], values: numbers(width, 5) },
    { name: 'flat', type: INT64 as typeof INT64, shape: [2], values: [-1, width] },
    { name: 'restored', type: INT64 as typeof INT64, shape: [3], values: shape },
  ]
  return { ...graph, nodes, constants }
}

/** An integer product, as dynamic quantisation makes it. */
function product({ weights, zero }: { weights: readonly number[]; zero: number }, uses = ['MatMulInteger']): Graph {
  const names = uses.map((_, index) => `product${index}`)
  return {
    inputs: [{ name: 'tokens', type: FLOAT, shape: ['batch', TOKENS, WIDTH] }],
    outputs: names.map(name => ({ name: `${name}f`, type: FLOAT, shape: ['batch', TOKENS, WIDTH] })),
    nodes: [
      { op: 'DynamicQuantizeLinear', inputs: ['tokens'], outputs: ['q', 'scale', 'zero'] },
      ...names.flatMap(name => [
        { op: 'MatMulInteger', inputs: ['q', 'weights', 'zero', 'weightsZero'], outputs: [name] },
        { op: 'Cast', inputs: [name], outputs: [`${name}f`], attributes: { to: FLOAT } },
      ]),
    ],
    constants: [
      { name: 'weights', type: UINT8, shape: [WIDTH, WIDTH], values: weights },
      { name: 'weightsZero', type: UINT8, shape: [WIDTH], values: new Array(WIDTH).fill(zero) },
    ],
  }
}

const bytes = (most: number) => Array.from({ length: WIDTH * WIDTH }, (_, index) => (index * 37) % (most + 1))

/** @returns whether the graph was changed, and what a session of it gives, next to a session of the file */
async function compare(graph: Graph, change: (graph: ModelGraph) => Pick<Rewrite, 'outcome'>) {
  await writeFile(path, onnxModel(graph))
  let isChanged = false
  const mapped = mapModel(path, graph => {
    isChanged = change(graph).outcome === 'applied'
  })
  const extra = { session: { model_external_initializers_file_folder_path: folder } }
  const tokens = new Tensor('float32', numbers(BATCH * TOKENS * WIDTH, 9), [BATCH, TOKENS, WIDTH])
  const outputs = []
  for (const session of [await InferenceSession.create(path), await InferenceSession.create(mapped, { extra })]) {
    const { [session.outputNames[0]!]: output } = await session.run({ tokens })
    outputs.push([...(output!.data as Float32Array)])
    await session.release()
  }
  return { isChanged, mapped, plain: outputs[0]!, faster: outputs[1]! }
}

describe('a model whose weights stay in its file', () => {
  test('gives what the file gives, from fewer bytes', async () => {
    const { mapped, plain, faster } = await compare(block(), () => ({ outcome: 'not-needed' }))
    expect(faster).toEqual(plain)
    expect(mapped.length).toBeLessThan(2 * WIDTH * WIDTH)
  })

  test('is refused when the file is cut off', async () => {
    const whole = onnxModel(block())
    for (const length of [10, whole.length - 30]) {
      await writeFile(path, whole.subarray(0, length))
      expect(() => mapModel(path, () => {})).toThrow(RangeError)
    }
  })
})

describe('the last block for the class token alone', () => {
  test('gives the same embedding', async () => {
    const { isChanged, plain, faster } = await compare(block(), useClassTokenOnly)
    expect(isChanged).toBe(true)
    expect(faster).toHaveLength(BATCH * WIDTH)
    expect(Math.max(...faster.map((value, index) => Math.abs(value - plain[index]!)))).toBeLessThan(1e-5)
  })

  test.each([
    ['of any batch', flatBlock()],
    ['of this batch', flatBlock({ shape: [BATCH, TOKENS, WIDTH] })],
  ])('gives the same embedding when a product takes rows, %s', async (_, graph) => {
    const { isChanged, plain, faster } = await compare(graph, useClassTokenOnly)
    expect(isChanged).toBe(true)
    expect(Math.max(...faster.map((value, index) => Math.abs(value - plain[index]!)))).toBeLessThan(1e-5)
  })

  test('gives nearly the same embedding when it computes in integers', async () => {
    const { isChanged, plain, faster } = await compare(quantisedBlock(), useClassTokenOnly)
    expect(isChanged).toBe(true)
    for (let row = 0; row < BATCH; row++) {
      const [before, after] = [plain, faster].map(values => values.slice(row * WIDTH, (row + 1) * WIDTH))
      expect(cosineSimilarity(before!, after!)).toBeGreaterThan(0.999)
    }
  })

  test.each([
    ['floats', block()],
    ['integers', quantisedBlock()],
  ])('cuts the other tokens off right after they were mixed, in %s', async (_, graph) => {
    await writeFile(path, onnxModel(graph))
    const cut: string[] = []
    mapModel(path, graph => {
      useClassTokenOnly(graph)
      cut.push(...graph.nodes.filter(({ op }) => op === 'Slice').map(({ inputs }) => inputs[0]!))
    })
    expect(cut.sort()).toEqual(['merged', 'x'])
  })

  test.each([
    ['another token is picked', block({ place: 1 })],
    ['all tokens are an output as well', block({ alsoGiven: ['z'] })],
    ['tokens mix in the last step', withMixing()],
    ['a constant differs from token to token', withPositions()],
    ['a row is a part of a token', flatBlock({ width: WIDTH / 2 })],
    ['all tokens in integers are an output as well', quantisedBlock({ alsoGiven: ['z'] })],
  ])('is left out when %s', async (_, graph) => {
    const { isChanged, plain, faster } = await compare(graph, useClassTokenOnly)
    expect(isChanged).toBe(false)
    expect(faster).toEqual(plain)
  })

  function withMixing(): Graph {
    const graph = block()
    const nodes = graph.nodes.map(node =>
      node.op === 'Sigmoid' ? { ...node, op: 'Softmax', attributes: { axis: 1 } } : node,
    )
    return { ...graph, nodes }
  }

  function withPositions(): Graph {
    const graph = block()
    const nodes = graph.nodes.map(node =>
      node.outputs[0] === 'z' ? { ...node, inputs: ['gated', 'positions'] } : node,
    )
    const positions = {
      name: 'positions',
      type: FLOAT as typeof FLOAT,
      shape: [TOKENS, WIDTH],
      values: numbers(TOKENS * WIDTH, 5),
    }
    return { ...graph, nodes, constants: [...graph.constants!, positions] }
  }
})

describe('signed weights', () => {
  test.each(['packed', 'unpacked'] as const)('are made of those stored as numbers, %s', async stored => {
    const graph = product({ weights: bytes(127), zero: 61 })
    const constants = graph.constants!.map(constant => ({ ...constant, stored }))
    const { isChanged, plain, faster } = await compare({ ...graph, constants }, useSignedWeights)
    expect(isChanged).toBe(true)
    expect(faster).toEqual(plain)
    expect(faster).toEqual((await compare(graph, useSignedWeights)).faster)
  })

  test('are made for products that share a zero point', async () => {
    const graph = product({ weights: bytes(127), zero: 61 })
    const second = product({ weights: bytes(120), zero: 61 })
    const others = second.nodes.slice(1).map(node => ({
      ...node,
      inputs: node.inputs.map(name => (name === 'weights' ? 'others' : name === 'product0' ? 'product1' : name)),
      outputs: node.outputs.map(name => name.replace('product0', 'product1')),
    }))
    const both: Graph = {
      inputs: graph.inputs,
      outputs: [{ name: 'sum', type: FLOAT, shape: ['batch', TOKENS, WIDTH] }],
      nodes: [...graph.nodes, ...others, { op: 'Add', inputs: ['product0f', 'product1f'], outputs: ['sum'] }],
      constants: [...graph.constants!, { ...second.constants![0]!, name: 'others' }],
    }
    const { isChanged, plain, faster } = await compare(both, useSignedWeights)
    expect(isChanged).toBe(true)
    expect(faster).toEqual(plain)
  })

  test('of 7 bits give the same sums to the last bit', async () => {
    const { isChanged, plain, faster } = await compare(product({ weights: bytes(127), zero: 61 }), useSignedWeights)
    expect(isChanged).toBe(true)
    expect(faster).toEqual(plain)
  })

  describe('of 8 bits, where their sums overflow', () => {
    const overflowing = (graph: ModelGraph) => useSignedWeights(graph, true)
    const unsigned = product({ weights: bytes(255), zero: 128 })
    const [weights, zeros] = unsigned.constants!
    const back = (values: readonly number[]) => values.map(value => value - 128)
    const signed: Graph = {
      ...unsigned,
      constants: [
        { ...weights!, type: INT8, values: back(weights!.values) },
        { ...zeros!, type: INT8, values: back(zeros!.values) },
      ],
    }

    test('become unsigned, and give exact sums', async () => {
      const { isChanged, faster } = await compare(signed, overflowing)
      expect(isChanged).toBe(true)
      expect(faster).toEqual((await compare(unsigned, () => ({ outcome: 'not-needed' }))).plain)
    })

    test('become unsigned without a zero point, too', async () => {
      const nodes = signed.nodes.map(node => ({ ...node, inputs: node.inputs.filter(name => name !== 'weightsZero') }))
      const { isChanged, faster } = await compare({ ...signed, nodes, constants: [signed.constants![0]!] }, overflowing)
      expect(isChanged).toBe(true)
      expect(faster).toEqual((await compare(unsigned, () => ({ outcome: 'not-needed' }))).plain)
    })

    test('stay as they are with a warning when two products use them', async () => {
      const twice = product({ weights: bytes(255), zero: 128 }, ['MatMulInteger', 'MatMulInteger'])
      await writeFile(path, onnxModel({ ...twice, constants: signed.constants! }))
      let rewrite: Rewrite | undefined
      mapModel(path, graph => {
        rewrite = overflowing(graph)
      })
      expect(rewrite).toMatchObject({ outcome: 'left-out', warning: expect.stringContaining('overflow on this CPU') })
    })
  })

  test('of 7 bits stay as they are where sums of 8 bits overflow', async () => {
    const graph = product({ weights: bytes(127), zero: 61 })
    const constants = graph.constants!.map(constant => ({
      ...constant,
      type: INT8 as typeof INT8,
      // -64 to 64, as `reduce_range` writes them.
      values: constant.values.map((value, at) => (at === 0 ? 64 : value - 64)),
    }))
    const { isChanged, plain, faster } = await compare({ ...graph, constants }, each => useSignedWeights(each, true))
    expect(isChanged).toBe(false)
    expect(faster).toEqual(plain)
  })

  test.each([
    ['stay as they are where no two neighbours of the same sign add up to more than 128', 28, false],
    ['become unsigned where some do', 29, true],
  ])('of 8 bits %s', async (_, second, becomesUnsigned) => {
    const values = Array.from({ length: WIDTH * WIDTH }, (_, at) =>
      Math.floor(at / WIDTH) % 2 === 0 ? 100 : at % 2 === 0 ? second : -120,
    )
    const exact = product({ weights: values.map(value => value + 128), zero: 128 })
    const constants = exact.constants!.map(constant => ({
      ...constant,
      type: INT8 as typeof INT8,
      values: constant.values.map(value => value - 128),
    }))
    const { isChanged, faster } = await compare({ ...exact, constants }, each => useSignedWeights(each, true))
    expect(isChanged).toBe(becomesUnsigned)
    expect(faster).toEqual((await compare(exact, () => ({ outcome: 'not-needed' }))).plain)
  })

  test.each([
    ['8 bits', product({ weights: bytes(255), zero: 128 })],
    ['two products', product({ weights: bytes(127), zero: 61 }, ['MatMulInteger', 'MatMulInteger'])],
  ])('are not made of those of %s', async (_, graph) => {
    const { isChanged, plain, faster } = await compare(graph, useSignedWeights)
    expect(isChanged).toBe(false)
    expect(faster).toEqual(plain)
  })
})

test('a session of a file computes for the class token alone, and says what is wrong with a file that is none', async () => {
  await writeFile(path, onnxModel(block()))
  const session = await openSession(path, { threads: 1, provider: 'cpu' })
  expect(session.outputNames).toEqual(['embedding'])
  await session.release()
  await writeFile(path, 'no model')
  await expect(openSession(path, { threads: 1, provider: 'cpu' })).rejects.toMatchObject({ code: 'MODEL_INVALID' })
})
