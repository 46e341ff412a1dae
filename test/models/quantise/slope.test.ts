import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mapModel } from '../../../src/models/graph/model-file.js'
import { linksOf } from '../../../src/models/quantise/recipe/links.js'
import { planOf } from '../../../src/models/quantise/recipe/plan.js'
import { withoutSlopes } from '../../../src/models/quantise/recipe/slope.js'

/** Files that real exporters wrote: see tools/exported-miniatures. Each tower has two blocks. */
const EXPORTED = join(import.meta.dirname, '..', 'exported')

test.each([
  ['hub/vision_model.onnx', 1.702],
  ['optimum/text_model.onnx', 1.702],
  ['dynamo/vision.onnx', 1.702],
  // GELU has none.
  ['siglip2/text_model.onnx', 1],
])('the slope of the activations of %s is %d', (file, wanted) => {
  mapModel(join(EXPORTED, file), graph => {
    const scales = () => graph.nodes.filter(({ op }) => op === 'Mul').length
    const before = scales()
    const found = withoutSlopes(graph, planOf(graph).neurons, linksOf(graph))
    for (const { slope } of found) expect(slope).toBeCloseTo(wanted, 6)
    expect(found).toHaveLength(2)
    expect(before - scales()).toBe(wanted === 1 ? 0 : 2)
    for (const { neurons } of found) for (const node of neurons.activation) expect(graph.nodes).toContain(node)
  })
})
