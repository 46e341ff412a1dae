import { constantsOf } from './constants.js'
import { picksFirstToken } from './first-token.js'
import { type FlatRun, flatRuns, hasThreeAxes } from './flat-rows.js'
import { type ModelGraph, type Node, numbers, type Tensor } from './model-file.js'
import { poolsWithOwnQuery } from './own-query.js'
import { applied, leftOut, notNeeded, type Rewrite } from './rewrite.js'
import { isProduct, makesTokens, treatsTokensAlone } from './token-operators.js'

const NAME = 'class-token-only'

/** Names of the bounds of the cut. */
const FIRST = 'class-token:0'
const SECOND = 'class-token:1'

/**
 * Computes the last block of a vision transformer only for the class token, because only it is used.
 *
 * Starts where the graph picks the class token and walks up while tokens do not mix, then cuts the other tokens off
 * there. This saves 3/4 of the last block's products, 6 % of a tower of 12 blocks. The remaining computation is
 * unchanged.
 *
 * A dynamically quantised tower takes the range of its activations over all tokens of a call, and after the cut only
 * over the class tokens. This changes an embedding less than other images in the same call do, and leaves it as close
 * to that of the tower in fp32 (docs/explanation/encoders.md).
 */
export function useClassTokenOnly(graph: ModelGraph): Rewrite {
  const links = linksOf(graph)
  const picks = graph.nodes.filter(node => picksFirstToken(node, links.constants))
  if (picks.length === 0) return notNeeded(NAME, 'the graph picks no class token')
  if (poolsWithOwnQuery(graph, links.maker))
    return notNeeded(NAME, 'attention with a query of its own pools all tokens')
  return picks.some(pick => cutAbove(pick, graph, links))
    ? applied(NAME, 'the last block computes only the class token')
    : leftOut(NAME, 'expected a last block that uses only the class token, found another form')
}

interface Links {
  maker: Map<string, Node>
  users: Map<string, Node[]>
  constants: Map<string, Tensor>
  /** Products of flattened tokens. */
  runs: readonly FlatRun[]
}

function linksOf({ nodes, weights }: ModelGraph): Links {
  const links = {
    maker: new Map<string, Node>(),
    users: new Map<string, Node[]>(),
    constants: constantsOf({ nodes, weights }),
  }
  for (const node of nodes) {
    for (const name of node.outputs) links.maker.set(name, node)
    for (const name of node.inputs) links.users.set(name, [...(links.users.get(name) ?? []), node])
  }
  return { ...links, runs: flatRuns(nodes, links) }
}

function cutAbove(pick: Node, graph: ModelGraph, links: Links): boolean {
  const { maker, users, constants, runs } = links
  const inRuns = new Set(runs.flatMap(({ nodes }) => [...nodes]))
  const changing = (node: Node) => node.inputs.filter(name => name !== '' && !constants.has(name))
  /** Nodes between the cut and the pick whose outputs only these nodes use. */
  const alone = new Set<Node>()
  const wanted = [pick.inputs[0]!]
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const node = maker.get(name)
    if (!node || alone.has(node) || !(inRuns.has(node) || treatsTokensAlone(node, constants))) continue
    const isUsedElsewhere = node.outputs.some(
      output => graph.readElsewhere.has(output) || users.get(output)?.some(user => user !== pick && !alone.has(user)),
    )
    // The walk visits it once per user, so also for the last one.
    if (isUsedElsewhere) continue
    alone.add(node)
    wanted.push(...changing(node))
  }
  const cut = new Set([...alone].flatMap(changing).filter(name => !alone.has(maker.get(name)!)))
  const isKnown = (name: string) => maker.has(name) && makesTokens(maker.get(name)!, constants)
  if (![...alone].some(isProduct) || ![...cut].every(isKnown)) return false
  const crossed = runs.filter(({ nodes }) => [...nodes].some(node => alone.has(node)))
  const tokens = tokensAbove(pick, alone, links)
  const isWhole = ({ nodes, flatten }: FlatRun) =>
    [...nodes].every(node => alone.has(node)) && hasThreeAxes(flatten.inputs[0]!, tokens, links)
  if (!crossed.every(isWhole)) return false

  for (const bound of [numbers(FIRST, [0]), numbers(SECOND, [1])]) graph.weights.set(bound.name, bound)
  for (const name of cut) {
    const inputs = [name, FIRST, SECOND, SECOND]
    const slice: Node = { op: 'Slice', inputs, outputs: [`${name}:class`], attributes: new Map() }
    graph.nodes.splice(graph.nodes.indexOf(maker.get(name)!) + 1, 0, slice)
  }
  for (const node of alone) node.inputs = node.inputs.map(name => (cut.has(name) ? `${name}:class` : name))
  for (const { flatten, restore, widths } of crossed) {
    reshape(flatten, [-1, widths[0]], graph)
    reshape(restore, [-1, 1, widths[1]], graph)
  }
  return true
}

/** Returns the values between the cut and the pick that have three axes because the pick's input has. */
function tokensAbove(pick: Node, alone: ReadonlySet<Node>, { maker, constants, runs }: Links): Set<string> {
  const inRuns = new Set(runs.flatMap(({ nodes }) => [...nodes]))
  const found = new Set<string>()
  const wanted = [pick.inputs[0]!]
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (found.has(name) || constants.has(name)) continue
    found.add(name)
    const node = maker.get(name)
    if (node && alone.has(node) && !inRuns.has(node)) wanted.push(...node.inputs)
  }
  return found
}

function reshape(node: Node, shape: readonly number[], { weights }: ModelGraph): void {
  const name = `${node.outputs[0]}:class-shape`
  weights.set(name, numbers(name, shape))
  node.inputs = [node.inputs[0]!, name]
}
