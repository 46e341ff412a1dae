import { cosineSimilarity } from '../../domain/similarity.js'
import { hitsInCommon, mean, neighboursInCommon, percentile, TOP } from './rankings.js'

/** What one model makes of photos, texts and label sets: embeddings of unit length. */
export interface Embedded {
  readonly photos: readonly Float32Array[]
  /** Absent: the model has no text tower. */
  readonly texts?: readonly Float32Array[]
  /** One list per label set, one embedding per label. */
  readonly prompts?: readonly (readonly Float32Array[])[]
}

interface LabelNames {
  readonly name: string
  readonly labels: readonly string[]
}

/** Cosine similarity of the two embeddings of the same input. */
interface CosineFigures {
  readonly median: number
  readonly fifthPercentile: number
  readonly least: number
}

interface Cosines {
  readonly raw: CosineFigures
  /** After subtracting the first model's mean embedding from both; null for a single input or equal ones. */
  readonly centred: CosineFigures | null
}

export interface ChangedLabels {
  readonly set: string
  /** Photos whose label differs. */
  readonly changed: number
  readonly share: number
  /** Most frequent first. */
  readonly changes: readonly { readonly from: string; readonly to: string; readonly photos: number }[]
}

export interface Agreement {
  /** null: the embeddings have different lengths. */
  readonly cosine: { readonly photos: Cosines; readonly texts: Cosines | null } | null
  /** Mean share of the ten best photos that both models find; null: too few photos, or no texts. */
  readonly top10: { readonly photos: number | null; readonly texts: number | null }
  /** null: a model has no text tower. */
  readonly labels: readonly ChangedLabels[] | null
}

/** With fewer photos, the ten best are nearly all of them. */
export const LEAST_PHOTOS = 2 * TOP

/** Compares the embeddings of two models of the same photos and texts, and the results that follow from them. */
export function agreementOf(a: Embedded, b: Embedded, sets: readonly LabelNames[]): Agreement {
  const texts = a.texts && b.texts && a.texts.length > 0 ? { a: a.texts, b: b.texts } : undefined
  const isEnough = a.photos.length >= LEAST_PHOTOS
  const isComparable = a.photos[0]!.length === b.photos[0]!.length
  const hits = () => mean(hitsInCommon({ texts: texts!.a, photos: a.photos }, { texts: texts!.b, photos: b.photos }))
  return {
    cosine: isComparable
      ? { photos: cosines(a.photos, b.photos), texts: texts ? cosines(texts.a, texts.b) : null }
      : null,
    top10: {
      photos: isEnough ? mean(neighboursInCommon(a.photos, b.photos)) : null,
      texts: isEnough && texts ? hits() : null,
    },
    labels: a.prompts && b.prompts ? sets.map((set, i) => changedLabels(set, a, b, i)) : null,
  }
}

function cosines(a: readonly Float32Array[], b: readonly Float32Array[]): Cosines {
  const middle = Float64Array.from(a[0]!, (_, at) => mean(a.map(row => row[at]!)))
  const centred = ([row]: [Float32Array]) => Float64Array.from(row, (value, at) => value - middle[at]!)
  const around = a.map((row, i) => cosineSimilarity(centred([row]), centred([b[i]!]))).filter(Number.isFinite)
  return {
    raw: figures(a.map((row, i) => cosineSimilarity(row, b[i]!))),
    centred: around.length > 1 ? figures(around) : null,
  }
}

function figures(cosines: readonly number[]): CosineFigures {
  const at = (part: number) => Math.min(1, percentile(cosines, part))
  return { median: at(0.5), fifthPercentile: at(0.05), least: at(0) }
}

function changedLabels({ name, labels }: LabelNames, a: Embedded, b: Embedded, set: number): ChangedLabels {
  const [before, after] = [a, b].map(({ photos, prompts }) => photos.map(photo => labels[best(prompts![set]!, photo)]!))
  const counts = new Map<string, { from: string; to: string; photos: number }>()
  for (const [i, from] of before!.entries()) {
    const to = after![i]!
    if (from === to) continue
    const key = JSON.stringify([from, to])
    counts.set(key, { from, to, photos: (counts.get(key)?.photos ?? 0) + 1 })
  }
  const changes = [...counts.values()].sort((a, b) => b.photos - a.photos)
  const changed = changes.reduce((sum, { photos }) => sum + photos, 0)
  return { set: name, changed, share: changed / a.photos.length, changes }
}

/** The label with the most similar prompt, which is also the one with the top score. */
function best(prompts: readonly Float32Array[], photo: Float32Array): number {
  const similarities = prompts.map(prompt => cosineSimilarity(prompt, photo))
  return similarities.indexOf(Math.max(...similarities))
}
