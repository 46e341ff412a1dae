import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mapModel } from '../../../src/models/graph/model-file.js'
import { keepOneTower } from '../../../src/models/graph/towers/keep-one-tower.js'
import { IMAGE_OUTPUTS, TEXT_OUTPUTS } from '../../../src/models/graph/towers/outputs.js'
import { openSession } from '../../../src/models/runtime/session.js'

/** CLIP with both towers in one file, as exporters write it: see tools/exported-miniatures. */
const BOTH = join(import.meta.dirname, '..', 'exported', 'both')
const OPTIONS = { threads: 1, provider: 'cpu' } as const

/** Names of nodes, inputs, outputs and weights. */
function contentsOf(file: string, outputs?: readonly string[]) {
  let found = { nodes: 0, inputs: [] as string[], outputs: [] as string[], weights: [] as string[] }
  mapModel(join(BOTH, file), graph => {
    if (outputs) keepOneTower(graph, outputs)
    const names = (values: readonly { name: string }[]) => values.map(({ name }) => name)
    const weights = [...graph.weights.keys()]
    found = { nodes: graph.nodes.length, inputs: names(graph.inputs), outputs: names(graph.outputs), weights }
  })
  return found
}

describe.each(['model.onnx', 'model_external.onnx', 'model_quantized.onnx'])('of %s, with both towers', file => {
  test.each([
    ['image', IMAGE_OUTPUTS, ['pixel_values'], 'image_embeds'],
    ['text', TEXT_OUTPUTS, ['input_ids', 'attention_mask'], 'text_embeds'],
  ] as const)('the %s tower is opened alone', async (_, outputs, inputs, output) => {
    const session = await openSession(join(BOTH, file), { ...OPTIONS, outputs })
    expect(session.outputNames).toEqual([output])
    expect(inputs).toEqual(expect.arrayContaining([...session.inputNames]))
    await session.release()
  })

  test('no weight of the other tower is opened', () => {
    const [all, image, text] = [undefined, IMAGE_OUTPUTS, TEXT_OUTPUTS].map(outputs => contentsOf(file, outputs))
    expect(all!.weights.filter(name => /vision_model|text_model/.test(name)).length).toBeGreaterThan(20)
    expect(image!.weights.filter(name => name.includes('text_model'))).toEqual([])
    expect(text!.weights.filter(name => name.includes('vision_model'))).toEqual([])
    expect(image!.nodes + text!.nodes).toBeGreaterThan(0.9 * all!.nodes)
  })

  test('none is left out where no output has one of the names', () => {
    expect(contentsOf(file, ['something_else'])).toEqual(contentsOf(file))
  })
})
