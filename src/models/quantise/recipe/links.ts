import { constantsOf } from '../../graph/constants.js'
import { FLOAT, type ModelGraph, type Node, type Tensor } from '../../graph/model-file.js'

/** Who makes and who reads each value of a graph. */
export interface Links {
  readonly maker: ReadonlyMap<string, Node>
  readonly users: ReadonlyMap<string, readonly Node[]>
  readonly constants: ReadonlyMap<string, Tensor>
  /** Values that something outside of the nodes reads. */
  readonly readElsewhere: ReadonlySet<string>
}

export function linksOf({ nodes, weights, readElsewhere }: ModelGraph): Links {
  const maker = new Map<string, Node>()
  const users = new Map<string, Node[]>()
  for (const node of nodes) {
    for (const name of node.outputs) maker.set(name, node)
    for (const name of node.inputs) users.set(name, [...(users.get(name) ?? []), node])
  }
  return { maker, users, constants: constantsOf({ nodes, weights }), readElsewhere }
}

/** Returns the nodes that read the numbers of a value, not only its shape; undefined when something else reads it. */
export function readersOf(name: string, { users, readElsewhere }: Links): readonly Node[] | undefined {
  return readElsewhere.has(name) ? undefined : (users.get(name) ?? []).filter(({ op }) => op !== 'Shape')
}

/** Returns the only node that reads the numbers of a value. */
export function onlyReader(name: string, links: Links): Node | undefined {
  const readers = readersOf(name, links)
  return readers?.length === 1 ? readers[0] : undefined
}

/** Returns the numbers of a tensor in 32 bits; undefined for any other tensor. */
export function floatsOf(tensor: Tensor | undefined): Float32Array | undefined {
  const bytes = tensor?.type === FLOAT ? tensor.read?.() : undefined
  // A copy, because the bytes may start anywhere.
  return bytes && new Float32Array(Uint8Array.from(bytes).buffer)
}

/** Returns whether a value is one constant number. */
export function isNumber(name: string, { constants }: Links): boolean {
  return constants.get(name)?.shape.every(size => size === 1) ?? false
}
