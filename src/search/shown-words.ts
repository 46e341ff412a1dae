import { AppError } from '../domain/errors.js'
import type { QueryPart } from '../domain/ports/prompts.js'
import type { ShowsFilter } from '../domain/ports/search.js'
import type { Query, WeightedSubject } from './query.js'

/** What a search can be asked for beside its conditions. */
export interface Relevance {
  /** Whether only photos count that show what the words of the query say. Words that it turns away from do not count. */
  relevant?: boolean
}

/** @throws AppError USAGE for a query without words to go towards: similarity to a picture has no calibrated cut-off */
export function requireShownWords(query: Query | undefined): void {
  const subjects = query === undefined ? [] : 'parts' in query ? query.parts : [{ ...query, weight: 1 }]
  if (subjects.some(isTowardsWords)) return
  throw new AppError(
    'USAGE',
    'relevant expects words that photos can show, found none. Leave it out, or set a least similarity.',
  )
}

/** The conditions that photos show the words of a combination: each of those that it goes towards. @param parts of the subjects, in their order */
export function shownWords(subjects: readonly WeightedSubject[], parts: readonly QueryPart[]): ShowsFilter[] {
  return subjects.flatMap((subject, i): ShowsFilter[] => {
    const part = parts[i]!
    if (!isTowardsWords(subject) || 'photo' in part) return []
    return [{ shows: 'prompt' in part ? part.prompt : part.vector }]
  })
}

function isTowardsWords(subject: WeightedSubject): boolean {
  return 'words' in subject && subject.weight > 0
}
