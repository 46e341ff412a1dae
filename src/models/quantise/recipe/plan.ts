import type { ModelGraph } from '../../graph/model-file.js'
import { findNeurons, type Neurons } from './activation.js'
import { findLinears, type Linear } from './linear.js'
import { linksOf } from './links.js'
import { findSmoothable, type Smoothable } from './smoothable.js'

/** What the recipe finds in a graph in 32 bits. */
export interface Plan {
  readonly linears: readonly Linear[]
  readonly smoothable: readonly Smoothable[]
  readonly neurons: readonly Neurons[]
  /** Values whose highest number per channel the recipe needs, with their channels. */
  readonly watched: ReadonlyMap<string, number>
}

export function planOf(graph: ModelGraph): Plan {
  const links = linksOf(graph)
  const linears = findLinears(graph, links)
  const smoothable = findSmoothable(linears, links)
  const neurons = findNeurons(linears, graph.nodes, links)
  const watched = new Map([
    ...smoothable.map(({ input, readers }) => [input, readers[0]!.from] as const),
    ...neurons.map(({ second }) => [second.input, second.from] as const),
  ])
  return { linears, smoothable, neurons, watched }
}
