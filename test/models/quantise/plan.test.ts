import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mapModel } from '../../../src/models/graph/model-file.js'
import { planOf } from '../../../src/models/quantise/recipe/plan.js'

/** Files that real exporters wrote: see tools/exported-miniatures. Each tower has two blocks. */
const EXPORTED = join(import.meta.dirname, '..', 'exported')

test.each([
  // Two blocks with six products each, and the projection; layer norms before attention, before the MLP and at the end.
  ['both/model.onnx', { linears: 26, norms: 9, values: 4, neurons: 4 }],
  ['dynamo/text.onnx', { linears: 13, norms: 4, values: 2, neurons: 2 }],
  ['dynamo/vision.onnx', { linears: 13, norms: 5, values: 2, neurons: 2 }],
  ['dynamo/vision_eager.onnx', { linears: 13, norms: 5, values: 2, neurons: 2 }],
  ['hub/text_model.onnx', { linears: 13, norms: 4, values: 2, neurons: 2 }],
  ['hub/vision_model.onnx', { linears: 13, norms: 5, values: 2, neurons: 2 }],
  ['opsets/vision_17.onnx', { linears: 13, norms: 5, values: 2, neurons: 2 }],
  ['optimum/text_model.onnx', { linears: 13, norms: 4, values: 2, neurons: 2 }],
  ['optimum/vision_model.onnx', { linears: 13, norms: 5, values: 2, neurons: 2 }],
  ['siglip/text_model.onnx', { linears: 13, norms: 4, values: 2, neurons: 2 }],
  ['siglip/vision_model.onnx', { linears: 15, norms: 5, values: 2, neurons: 3 }],
  ['siglip2/text_model.onnx', { linears: 13, norms: 4, values: 2, neurons: 2 }],
  ['siglip2/vision_model.onnx', { linears: 15, norms: 5, values: 2, neurons: 3 }],
  // One product for query, key and value, and Reshapes around the activation.
  ['open-clip/textual.onnx', { linears: 9, norms: 2, values: 0, neurons: 0 }],
  ['open-clip/visual.onnx', { linears: 9, norms: 2, values: 0, neurons: 0 }],
  // Convolutions; layer norms fused with additions; attention fused.
  ['mobileclip/text_model.onnx', { linears: 9, norms: 2, values: 0, neurons: 2 }],
  ['mobileclip/vision_model.onnx', { linears: 3, norms: 0, values: 0, neurons: 0 }],
  ['ort/text_clip.onnx', { linears: 7, norms: 0, values: 0, neurons: 2 }],
  ['ort/vision_clip.onnx', { linears: 7, norms: 1, values: 0, neurons: 2 }],
])('what the recipe finds in %s', (file, wanted) => {
  let found: object = {}
  mapModel(join(EXPORTED, file), graph => {
    const { linears, smoothable, neurons } = planOf(graph)
    const norms = smoothable.filter(({ source }) => 'norm' in source).length
    found = { linears: linears.length, norms, values: smoothable.length - norms, neurons: neurons.length }
  })
  expect(found).toEqual(wanted)
})
