import type { ModelIdentity } from './model.js'
import { sigmoid, softmax } from './similarity.js'

/** How a label set was trained on photos. */
export interface LabelTraining {
  /** `taught`: from photos that have the label or not; `classified`: from the values of a column. */
  kind: 'taught' | 'classified'
  /** Photos that it was trained with, by label. */
  examples: Record<string, number>
  /** Of predictions for examples that were held out in turn; null: not measured. */
  precision?: number | null
  recall?: number | null
  accuracy?: number | null
  /** The column of a classified set, with its bounds. */
  column?: string
}

/** How clusters were found: method, numbers and measures of quality. */
export type Clustering = { method: string } & Readonly<Record<string, string | number>>

/**
 * A label set. Zero-shot: each label becomes a prompt, and a photo gets the label with the most similar prompt.
 * Trained: each label has weights instead. Clusters: each photo has the label that it was stored with.
 */
export interface LabelSet {
  /** Lower-case name, also of the file: `labels/taken_time.json`. */
  name: string
  /** Prompt that contains `{label}`, for example `A photo taken at {label}`. */
  template: string
  /** At least two, in display order. */
  labels: string[]
  /** Of a trained set, whose template means nothing. */
  training?: LabelTraining
  /** Of clusters, whose template means nothing. */
  clustering?: Clustering
}

const CLUSTER_METHODS: Readonly<Record<string, string>> = { kmeans: 'k-means', hdbscan: 'HDBSCAN' }

/** What the labels of a set follow from, in a few words: its prompt, its examples, or how its clusters were found. */
export function originOf({ template, training, clustering }: LabelSet): string {
  if (clustering) {
    const { method, k, minSize } = clustering
    const numbers = k !== undefined ? `, k = ${k}` : minSize !== undefined ? `, at least ${minSize} photos each` : ''
    return `clusters by ${CLUSTER_METHODS[method] ?? method}${numbers}, named by words`
  }
  if (!training) return `"${template}"`
  const examples = Object.entries(training.examples).map(([label, photos]) => `${photos} ${label}`)
  return training.kind === 'taught' ? `taught with ${examples.join(', ')}` : `classified by ${training.column}`
}

export const LABEL_SET_NAME_PATTERN = /^[a-z][a-z0-9_]{0,62}$/

/** Far above what a model reads. An index holds labels, and no text in Postgres holds NUL. */
const MAX_LABEL_LENGTH = 300
const MAX_TEMPLATE_LENGTH = 1000
const CONTROL = /\p{Cc}/u

/** Returns one prompt per label, in the order of the labels. */
export function promptsOf(set: LabelSet): string[] {
  return set.labels.map(label => set.template.replaceAll('{label}', () => label))
}

/**
 * Returns the score of each label, in [0, 1], as the SQL function `label_batch` computes it from stored embeddings.
 * With softmax (CLIP), labels compete and the scores add up to 1. With sigmoid (SigLIP, arXiv 2303.15343), each score
 * rates its prompt independently: all may be near 0, or several near 1. In both cases the photo gets the label with the
 * top score.
 * @param similarities cosine similarity of the photo to each prompt
 */
export function labelScores(
  similarities: readonly number[],
  { scoring, logitScale, logitBias }: Pick<ModelIdentity, 'scoring' | 'logitScale' | 'logitBias'>,
): number[] {
  const logits = similarities.map(similarity => logitScale * similarity + logitBias)
  return scoring === 'softmax' ? softmax(logits) : logits.map(sigmoid)
}

/** Formats a score: `83 %`, and with more digits where that would read 0, as with most sigmoids: `0.0012 %`. */
export function percent(score: number): string {
  const value = 100 * score
  return `${value === 0 || value >= 1 ? value.toFixed(0) : Number(value.toPrecision(2))} %`
}

/** Parses the content of a label set file. Returns the label set or a description of the problem. */
export function parseLabelSet(value: unknown): { set: LabelSet } | { problem: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { problem: 'expected a JSON object' }
  const { name, template, labels } = value as Record<string, unknown>
  if (typeof name !== 'string' || !LABEL_SET_NAME_PATTERN.test(name))
    return { problem: `"name" must be lower-case letters, digits and _, found ${JSON.stringify(name)}` }
  if (typeof template !== 'string' || !template.includes('{label}'))
    return { problem: `"template" must be text with {label} in it, found ${JSON.stringify(template)}` }
  if (!Array.isArray(labels) || labels.length < 2 || !labels.every(l => typeof l === 'string' && l.trim() !== ''))
    return { problem: `"labels" must be a list of at least two texts, found ${JSON.stringify(labels)}` }
  const unfit = labels.find(label => label.length > MAX_LABEL_LENGTH || CONTROL.test(label))
  if (unfit !== undefined)
    return {
      problem: `a label must be a line of at most ${MAX_LABEL_LENGTH} characters, found ${JSON.stringify(unfit.slice(0, 80))} (${unfit.length} characters)`,
    }
  if (CONTROL.test(template) || template.length > MAX_TEMPLATE_LENGTH)
    return { problem: `"template" must be a line of at most ${MAX_TEMPLATE_LENGTH} characters` }
  // Models read them as one: their tokens have neither upper case nor blanks at the ends.
  const read = labels.map(label => (label as string).replace(/\s+/g, ' ').trim().toLowerCase())
  const twice = read.findIndex((label, i) => read.indexOf(label) !== i)
  if (twice >= 0)
    return {
      problem: `"labels" must differ in more than upper case and blanks, found ${JSON.stringify(labels[read.indexOf(read[twice]!)])} and ${JSON.stringify(labels[twice])}`,
    }
  return { set: { name, template, labels: labels as string[] } }
}
