import type { Hit } from '../domain/ports/search.js'
import { cosineSimilarity } from '../domain/similarity.js'
import { hasTextTower } from '../domain/text-tower.js'
import { MINUTE } from '../domain/units.js'
import type { PhotoSearch } from './photo-search.js'
import type { SearchModel } from './search-model.js'

/** A search with hits that show it. */
export interface ExampleSearch {
  words: string
  /** Its best hits, the best first. */
  photos: { photoId: string; storedKey: string | null }[]
}

/** What people photograph; the last ones are what the demo renders. */
const CANDIDATES = [
  'a mountain lake at sunrise',
  'waves on a beach',
  'a forest in fog',
  'a city at night from above',
  'a narrow street in an old town',
  'a dog running',
  'a cat looking at the camera',
  'a bird on a branch',
  'flowers in a field',
  'a cup of coffee on a table',
  'food on a plate',
  'a desk with a laptop',
  'a portrait of a woman',
  'people at a concert',
  'a child playing',
  'a person hiking',
  'a car on a road',
  'a train',
  'a boat on the water',
  'a bridge',
  'snow on trees',
  'the night sky with stars',
  'an abstract pattern',
  'a living room with plants',
  'a red house in the snow',
  'a boat at night',
  'a cat in a room',
  'a yellow car',
  'a dog in the snow',
  'a lighthouse by the sea',
  'a balloon in the sky',
  'flowers in a meadow',
  'the moon above a city',
]
/** Words that say nothing about a picture. */
const SMALL_WORDS = new Set(['above', 'and', 'from', 'the', 'with'])
const SHOWN = 8
const HITS = 4
const KEPT_MS = 10 * MINUTE

/** Shares of the hits with texts: from the first on the texts confirm a search, below the second they contradict it. */
const CONFIRMED = 0.75
const CONTRADICTED = 0.25

/**
 * Searches that do have good hits in this collection. Scores of different words cannot be compared, but those of one
 * photo can: words fit the collection when their best hits are more similar to them than to all other candidates, or
 * when the descriptions of the hits name what was searched for. Words that no description names do not fit: a model
 * that does not know them finds something, too. The answer is kept for ten minutes per model.
 */
export class ExampleSearches {
  readonly #kept = new Map<string, { until: number; found: Promise<ExampleSearch[]> }>()

  constructor(private readonly search: PhotoSearch) {}

  /** At most eight, the clearest first; none for a model without a text tower. */
  of(model: SearchModel): Promise<ExampleSearch[]> {
    if (!hasTextTower(model.spec)) return Promise.resolve([])
    const kept = this.#kept.get(model.key)
    if (kept && kept.until > Date.now()) return kept.found
    const found = this.#find(model, AbortSignal.timeout(MINUTE))
    this.#kept.set(model.key, { until: Date.now() + KEPT_MS, found })
    found.catch(() => this.#kept.delete(model.key))
    return found
  }

  async #find(model: SearchModel, signal: AbortSignal): Promise<ExampleSearch[]> {
    const { texts } = await this.search.embed(model, { texts: CANDIDATES, images: [] }, signal)
    const hits: Hit[][] = []
    for (const vector of texts) {
      signal.throwIfAborted()
      hits.push(await this.search.nearest(model, { vector }, { k: HITS, kind: 'text' }, signal))
    }
    const embeddings = await this.search.embeddings(model, [...new Set(hits.flat().map(hit => hit.photoId))])
    const rated = CANDIDATES.map((words, own) => {
      const margins = hits[own]!.map(({ photoId }) => marginOf(own, texts, embeddings.get(photoId)))
      return { words, hits: hits[own]!, margin: margins.reduce((sum, margin) => sum + margin, 0) / margins.length }
    })
    return distinct(rated.filter(fits).sort((a, b) => b.margin - a.margin)).map(({ words, hits }) => ({
      words,
      photos: hits.map(({ photoId, storedKey }) => ({ photoId, storedKey })),
    }))
  }
}

function fits({ words, hits, margin }: { words: string; hits: readonly Hit[]; margin: number }): boolean {
  const share = namedShare(words, hits)
  return share === null ? margin > 0 : share >= CONFIRMED || (margin > 0 && share > CONTRADICTED)
}

/** The share of the hits with a text whose text has a word of the search; null: none has a text. */
export function namedShare(words: string, hits: readonly Pick<Hit, 'photo'>[]): number | null {
  const texts = hits.flatMap(({ photo }) => {
    const text = [photo.photo_title, photo.photo_description, photo.ai_description].filter(Boolean).join(' ')
    return text === '' ? [] : [text]
  })
  const wanted = words.split(' ').filter(word => word.length > 2 && !SMALL_WORDS.has(word))
  // Other forms too: a wave for waves, beaches for a beach.
  const forms = wanted.map(word => (word.length > 4 ? word.slice(0, -1) : `${word}s?\\b`))
  const names = new RegExp(`\\b(?:${forms.join('|')})`, 'i')
  return texts.length === 0 ? null : texts.filter(text => names.test(text)).length / texts.length
}

/** By how much a photo is more similar to one text than to any other. */
function marginOf(own: number, texts: readonly Float32Array[], photo: Float32Array | undefined): number {
  if (photo === undefined) return -1
  const scores = texts.map(text => cosineSimilarity(text, photo))
  return scores[own]! - Math.max(...scores.filter((_, i) => i !== own))
}

/** Leaves out searches whose best hit shows another one already. */
function distinct<T extends { hits: readonly { photoId: string }[] }>(rated: readonly T[]): T[] {
  const covers = new Set<string>()
  return rated
    .filter(({ hits: [best] }) => best !== undefined && !covers.has(best.photoId) && covers.add(best.photoId))
    .slice(0, SHOWN)
}
