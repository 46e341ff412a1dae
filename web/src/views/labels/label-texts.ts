import type { Order } from '../../api/label-order.js'
import type { LabelPrecision, LabelSet } from '../../api/schema.js'
import { EMPTY, searchPath, toggled } from '../../state/search-state.js'

const ORDERS: readonly Order[] = ['random', 'doubtful', 'typical']

/** A share in whole percent; a little is not nothing. */
export function percent(share: number): string {
  return share > 0 && share < 0.01 ? '< 1 %' : `${Math.round(share * 100)} %`
}

/** How right a label is: `32 checked, 94 % right (80–98 %)`. */
export function precisionText(precision: LabelPrecision | null): string {
  if (precision === null) return 'Not checked yet'
  const { checked, precision: share, low, high } = precision
  const [from, to] = [low, high].map(end => Math.round(end * 100))
  return `${checked.toLocaleString('en')} checked, ${Math.round(share * 100)} % right (${from}–${to} %)`
}

/** What the labels of a set follow from. */
export function originText({ template, training, clustering }: LabelSet): string {
  if (clustering !== null) {
    const { method, k, minSize } = clustering
    if (method === 'kmeans') return `Clusters by k-means, k = ${k}, named by words`
    return `Clusters by HDBSCAN, at least ${minSize} photos each, named by words`
  }
  if (training === null) return `Prompt: “${template}”`
  if (training.kind === 'classified') return `Learnt from ${training.column}`
  const examples = Object.entries(training.examples).map(([label, photos]) => `${photos.toLocaleString('en')} ${label}`)
  return `Taught with photos: ${examples.join(', ')}`
}

/** What a label set is called. */
export const nameOf = (set: string): string => set.replaceAll('_', ' ')

/** The photos of a label. */
export const photosPath = (set: string, label: string): string =>
  searchPath(toggled(EMPTY, 'label', `${set}=${label}`, true))

/** The samples of a label set. */
export function samplesPath(set: string, order: Order = 'random', round = 0): string {
  const parameters = new URLSearchParams()
  if (order !== 'random') parameters.set('order', order)
  if (round > 0) parameters.set('seed', String(round))
  const text = parameters.toString()
  return `/labels/${encodeURIComponent(set)}${text === '' ? '' : `?${text}`}`
}

/** What the address of the samples says. What it does not understand it leaves out. */
export function readSamplesPath(parameters: URLSearchParams): { order: Order; round: number } {
  const round = Number(parameters.get('seed') ?? 0)
  return {
    order: ORDERS.find(order => order === parameters.get('order')) ?? 'random',
    round: Number.isInteger(round) && round >= 0 && round < 2 ** 31 ? round : 0,
  }
}
