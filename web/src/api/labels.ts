import { answered, get, put } from './client.js'
import type { Order } from './label-order.js'

/** Photos per label. */
const SAMPLE = 12

/** Every label set with its histogram. */
export async function labelSets() {
  const { label_sets: sets } = await answered(get('/api/v1/label-sets', {}))
  return Promise.all(sets.map(({ name }) => labelSet(name)))
}

/** Names of the label sets. */
export async function labelSetNames(): Promise<string[]> {
  const { label_sets: sets } = await answered(get('/api/v1/label-sets', {}))
  return sets.map(({ name }) => name)
}

function labelSet(name: string, query: { sample?: number; seed?: number; order?: Order } = {}) {
  return answered(get('/api/v1/label-sets/{name}', { params: { path: { name }, query } }))
}

/** A label set with photos of each label. @param round other numbers give other photos */
export function labelSamples(name: string, order: Order, round: number): Promise<LabelSamples> {
  return labelSet(name, { sample: SAMPLE, seed: round, order })
}

export type LabelSamples = Awaited<ReturnType<typeof labelSet>>
export type SamplePhoto = LabelSamples['sample'][number]
export type Precision = LabelSamples['histogram'][number]['precision']

/** Stores what was said about labels. @returns the precision of each label */
export async function markLabels(
  name: string,
  photos: readonly SamplePhoto[],
  correct: boolean | null,
  atRandom: boolean,
): Promise<{ label: string; precision: Precision }[]> {
  const marks = photos.map(({ photo_id, label }) => ({ photo_id, label, correct, at_random: atRandom }))
  const { precisions } = await answered(
    put('/api/v1/label-sets/{name}/marks', { params: { path: { name } }, body: { marks } }),
  )
  return precisions
}
