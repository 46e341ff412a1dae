import { percent } from '../../domain/labels.js'
import type { SharedWord } from '../../domain/ports/facets.js'
import { table } from './output.js'
import { shellWord } from './shell-word.js'

/** How many times the share among the hits is that of the collection. */
export function lift({ photos, hits, shareOfAll }: SharedWord): number {
  return photos / hits / shareOfAll
}

/** Prints concepts as a table, with the options that search for more or less of them. */
export function conceptText(concepts: readonly SharedWord[]): string {
  const rows = concepts.map(concept => [
    concept.word,
    `${concept.photos} of ${concept.hits}`,
    percent(concept.shareOfAll),
    `${lift(concept).toFixed(1)} ×`,
    `--plus ${shellWord(concept.word)} or --minus ${shellWord(concept.word)}`,
  ])
  return table(['concept', 'hits', 'collection', 'lift', 'more or less of it'], rows)
}

/** Returns the line of JSON of a concept. */
export function conceptObject(concept: SharedWord): object {
  const { word, source, photos, hits, shareOfAll } = concept
  return { concept: word, source, photos, of: hits, share_of_all: shareOfAll, lift: lift(concept) }
}
