import type { Filter, LabelCondition, Part, SearchRequest } from '../api/schema.js'
import { filterConditions, labelConditions } from './filters.js'
import { hasSubject, hasWords, type SearchState } from './search-state.js'
import { vectorOfText } from './vector-text.js'

/** The weight of words next to photos; the server's default for positive ones. */
const WORDS_BESIDE_PHOTOS = 4
/** All of a negative part would turn the query away from everything that its words have in common with photos at all. */
const NEGATIVE = -0.5

/** Conditions in the form of query parameters, for the endpoints without a body. */
export interface ConditionParameters {
  label?: string[]
  where?: string[]
  near?: string
  orientation?: 'landscape' | 'portrait' | 'square'
  keyword?: string[]
  collection?: string[]
  color?: string[]
}

/** The body of a search; only for a state that has something to search for. */
export function searchRequest(state: SearchState): SearchRequest {
  const parts = partsOf(state)
  const [only] = parts
  const conditions = {
    labels: labelConditions(state.filters),
    filters: filterConditions(state.filters),
    ...(state.relevant && hasWords(state) ? { relevant: true } : {}),
  }
  if (parts.length === 1 && only!.weight === undefined) return { ...only, ...conditions }
  return { parts, ...conditions }
}

/** The body of a request for counts: of the photos nearest to what is searched for, or of all that fulfil the conditions. */
export function countRequest(state: SearchState): Omit<SearchRequest, 'k' | 'cursor' | 'facets'> {
  if (!hasSubject(state)) return { labels: labelConditions(state.filters), filters: filterConditions(state.filters) }
  return { ...searchRequest(state), ...(state.cut === null ? {} : { min_score: state.cut }) }
}

function partsOf({ words, plus, minus, like, unlike, pictures }: SearchState): Part[] {
  const besidePhotos = like.length + unlike.length + pictures.length > 0
  const away = NEGATIVE * (besidePhotos ? WORDS_BESIDE_PHOTOS : 1)
  return [
    ...(words === '' ? [] : [{ words }]),
    ...plus.map(text => ({ words: text })),
    ...like.map(photo => ({ photo })),
    ...pictures.map(text => ({ vector: vectorOfText(text) })),
    ...minus.map(text => ({ words: text, weight: away })),
    ...unlike.map(photo => ({ photo, weight: NEGATIVE })),
  ]
}

/** The conditions of a state as query parameters. */
export function conditionParameters({ filters }: SearchState): ConditionParameters {
  const parameters: Required<Omit<ConditionParameters, 'near' | 'orientation'>> & ConditionParameters = {
    label: labelConditions(filters).map(labelText),
    where: [],
    keyword: [],
    collection: [],
    color: [],
  }
  for (const filter of filterConditions(filters)) {
    if ('column' in filter) parameters.where.push(...whereTexts(filter))
    else if ('near' in filter) parameters.near = `${filter.near.latitude},${filter.near.longitude},${filter.near.km}`
    else if ('orientation' in filter) parameters.orientation = filter.orientation
    else if ('keyword' in filter) parameters.keyword.push(filter.keyword)
    else if ('collection' in filter) parameters.collection.push(filter.collection)
    else if ('color' in filter) parameters.color.push(filter.color)
  }
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value.length > 0)) as ConditionParameters
}

function labelText({ set, label, min_score: score }: LabelCondition): string {
  return score === undefined ? `${set}=${label}` : `${set}=${label}:${score}`
}

function whereTexts(filter: Extract<Filter, { column: string }>): string[] {
  const { column, operator } = filter
  if (!('value' in filter)) return [`${column} ${operator}`]
  const { value } = filter
  if (!Array.isArray(value)) return [`${column}${operator}${value}`]
  // A single value may hold the sign between the values of a list.
  return value.length === 1 ? [`${column}=${value[0]}`] : [`${column} in ${value.join('|')}`]
}
