import type { ModelIdentity } from './model.js'
import { sigmoid, softmax } from './similarity.js'

/** A zero-shot label set: each label becomes a prompt, and a photo gets the label whose prompt is nearest. */
export interface LabelSet {
  /** Lower-case name, also the file's: `labels/taken_time.json`. */
  name: string
  /** Prompt with `{label}` in it, for instance `A photo taken at {label}`. */
  template: string
  /** At least two, in the order in which they are shown. */
  labels: string[]
}

export const LABEL_SET_NAME_PATTERN = /^[a-z][a-z0-9_]{0,62}$/

/** One prompt a label, in the order of the labels. */
export function promptsOf(set: LabelSet): string[] {
  return set.labels.map(label => set.template.replaceAll('{label}', () => label))
}

/**
 * The score of each label, in [0, 1], as the SQL function `label_batch` computes it from stored embeddings. With softmax
 * (CLIP) labels compete and the scores add up to 1. With sigmoid (SigLIP, arXiv 2303.15343) each says by itself how well its
 * prompt fits: all may be near 0, or several near 1. Either way the label with the largest is the photo's.
 * @param similarities cosine similarity of the photo to each prompt
 */
export function labelScores(
  similarities: readonly number[],
  { scoring, logitScale, logitBias }: Pick<ModelIdentity, 'scoring' | 'logitScale' | 'logitBias'>,
): number[] {
  const logits = similarities.map(similarity => logitScale * similarity + logitBias)
  return scoring === 'softmax' ? softmax(logits) : logits.map(sigmoid)
}

/** A score for people: `83 %`, and where that would hide it, as with most sigmoids, `0.0012 %`. */
export function percent(score: number): string {
  const value = 100 * score
  return `${value === 0 || value >= 1 ? value.toFixed(0) : Number(value.toPrecision(2))} %`
}

/** Says what is wrong with the content of a label set file, or gives the label set. */
export function parseLabelSet(value: unknown): { set: LabelSet } | { problem: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { problem: 'a JSON object was expected' }
  const { name, template, labels } = value as Record<string, unknown>
  if (typeof name !== 'string' || !LABEL_SET_NAME_PATTERN.test(name))
    return { problem: `"name" must be lower-case letters, digits and _, found ${JSON.stringify(name)}` }
  if (typeof template !== 'string' || !template.includes('{label}'))
    return { problem: `"template" must be text with {label} in it, found ${JSON.stringify(template)}` }
  if (!Array.isArray(labels) || labels.length < 2 || !labels.every(l => typeof l === 'string' && l.trim() !== ''))
    return { problem: `"labels" must be a list of at least two texts, found ${JSON.stringify(labels)}` }
  if (new Set(labels).size !== labels.length) return { problem: '"labels" holds the same label twice' }
  return { set: { name, template, labels: labels as string[] } }
}
